package sim

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"slices"
	"time"
)

// authority is the cluster's own CA. Certificates begin in 1990, so that a bubble's clock (2000) accepts them too.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the CA's key: %w", err)
	}
	t := template(name+"-ca", time.Time{})
	t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("signing the CA: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{cert, key}, err
}

func template(cn string, notAfter time.Time) *x509.Certificate {
	if notAfter.IsZero() {
		notAfter = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62)) // crypto/rand does not fail
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: cn},
		NotBefore:    time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     notAfter,
	}
}

// tlsConfig is the server's. A connection does not resume a session that an earlier certificate began.
func (c *Cluster) tlsConfig() *tls.Config {
	cfg := &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.serving.Load(), nil },
		ClientAuth:     tls.RequestClientCert,
	}
	cfg.WrapSession = func(cs tls.ConnectionState, s *tls.SessionState) ([]byte, error) {
		s.Extra = append(s.Extra, c.serving.Load().Certificate[0])
		return cfg.EncryptTicket(cs, s)
	}
	cfg.UnwrapSession = func(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		s, err := cfg.DecryptTicket(ticket, cs)
		if err != nil || s == nil || !slices.ContainsFunc(s.Extra, func(b []byte) bool { return bytes.Equal(b, c.serving.Load().Certificate[0]) }) {
			return nil, err
		}
		return s, nil
	}
	return cfg
}

// RenewCA gives the cluster another CA, and its server another certificate, from the next connection on. Client certificates of the old CA
// are not known any more. The error is one of making certificates.
func (c *Cluster) RenewCA() error {
	ca, err := newAuthority(c.opt.Name)
	if err != nil {
		return err
	}
	cert, err := ca.serving(c.opt.Name, c.opt.NotAfter)
	if err != nil {
		return err
	}
	c.ca.Store(ca)
	c.serving.Store(&cert)
	return nil
}

// pem is the CA's certificate.
func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

func (a *authority) serving(name string, notAfter time.Time) (tls.Certificate, error) {
	t := template("kube-apiserver", notAfter)
	t.DNSNames = []string{"localhost", "kubernetes", name + ".sim"}
	t.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	return a.issue(t)
}

func (a *authority) issue(t *x509.Certificate) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making the key of %s: %w", t.Subject.CommonName, err)
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("signing %s: %w", t.Subject.CommonName, err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// client issues a client certificate in PEM, as a kubeconfig holds it.
func (a *authority) client(user string, groups []string, notAfter time.Time) (cert, key []byte, err error) {
	t := template(user, notAfter)
	t.Subject.Organization = groups
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	c, err := a.issue(t)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		return nil, nil, fmt.Errorf("writing the key of %s: %w", user, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// verify checks a client's certificate and gives its user.
func (a *authority) verify(cert *x509.Certificate, now time.Time) (user string, err error) {
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	_, err = cert.Verify(x509.VerifyOptions{
		Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return cert.Subject.CommonName, err
}
