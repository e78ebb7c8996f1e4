package discover

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"strings"
	"time"

	"k8s.io/client-go/rest"
)

// usability says what is known of credentials without asking a server; less is better.
type usability int

const (
	mayWork usability = iota
	expired
	unusable // a plugin that cannot be run
	noCredentials
)

// usabilityOf returns the usability of a configuration's credentials.
func usabilityOf(config *rest.Config, now time.Time) usability {
	token := config.BearerToken
	if config.BearerTokenFile != "" {
		if text, err := os.ReadFile(config.BearerTokenFile); err == nil { // island has found it to be a regular file
			token = strings.TrimSpace(string(text))
		}
	}
	cert := config.CertData
	if len(cert) == 0 && config.CertFile != "" {
		cert, _ = os.ReadFile(config.CertFile)
	}
	switch {
	case config.ExecProvider != nil, config.AuthProvider != nil, config.Username != "":
		return mayWork
	case token != "":
		if end := endOfToken(token); !end.IsZero() && end.Before(now) {
			return expired
		}
		return mayWork
	case len(cert) > 0:
		if end := endOfCertificate(cert); !end.IsZero() && end.Before(now) {
			return expired
		}
		return mayWork
	}
	return noCredentials
}

// endOfToken returns when a token expires; zero if it is not a JSON web token, or does not tell.
func endOfToken(token string) time.Time {
	if c := claimsOf(token); c.Expires > 0 {
		return time.Unix(int64(c.Expires), 0)
	}
	return time.Time{}
}

// claims are what a JSON web token says.
type claims struct {
	Expires float64 `json:"exp"`
	Cluster any     `json:"cluster"` // nil: it does not say
}

// claimsOf returns what a token says; nothing if it is not a JSON web token.
func claimsOf(token string) (c claims) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &c) != nil {
		return claims{}
	}
	return c
}

// endOfCertificate returns when a client certificate expires; zero if that is not known.
func endOfCertificate(text []byte) time.Time {
	if cert := certificate(text); cert != nil {
		return cert.NotAfter
	}
	return time.Time{}
}

// certificate returns the first certificate of a text in PEM; nil: there is none that can be read.
func certificate(text []byte) *x509.Certificate {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return cert
}
