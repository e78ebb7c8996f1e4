package plugin

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/pkg/apis/clientauthentication"
	"k8s.io/client-go/pkg/apis/clientauthentication/install"
	clientauthenticationv1 "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	clientauthenticationv1beta1 "k8s.io/client-go/pkg/apis/clientauthentication/v1beta1"
)

// versions are those of the protocol that a kubeconfig may name.
var versions = map[string]schema.GroupVersion{
	clientauthenticationv1beta1.SchemeGroupVersion.String(): clientauthenticationv1beta1.SchemeGroupVersion,
	clientauthenticationv1.SchemeGroupVersion.String():      clientauthenticationv1.SchemeGroupVersion,
}

var codecs = func() serializer.CodecFactory {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	return serializer.NewCodecFactory(scheme)
}()

// credentials are what a plugin has answered: a token, a certificate, or both.
type credentials struct {
	token       string
	certificate *tls.Certificate // nil: none
	expire      time.Time        // zero: they do not
}

// expired reports whether they have expired. It is our clock that tells, as the plugin's.
func (c *credentials) expired() bool { return !c.expire.IsZero() && time.Now().After(c.expire) }

// sameCertificate reports whether two have the same certificate, or both have none.
func (c *credentials) sameCertificate(d *credentials) bool {
	if c.certificate == nil || d.certificate == nil {
		return c.certificate == d.certificate
	}
	return slices.EqualFunc(c.certificate.Certificate, d.certificate.Certificate, bytes.Equal)
}

// request returns what a plugin is told of what is wanted.
func request(version schema.GroupVersion, cluster *clientauthentication.Cluster, interactive bool) ([]byte, error) {
	wanted := &clientauthentication.ExecCredential{Spec: clientauthentication.ExecCredentialSpec{Cluster: cluster, Interactive: interactive}}
	return runtime.Encode(codecs.LegacyCodec(version), wanted)
}

// parse reads a plugin's answer. Errors do not quote it.
func parse(version schema.GroupVersion, answer []byte) (*credentials, error) {
	given := new(clientauthentication.ExecCredential)
	_, kind, err := codecs.UniversalDecoder(version).Decode(answer, nil, given)
	switch {
	case err != nil:
		return nil, errors.New("the credential plugin's answer is no ExecCredential of " + version.String())
	case kind.GroupVersion() != version:
		return nil, fmt.Errorf("the credential plugin answers in version %s, the kubeconfig says %s", kind.GroupVersion(), version)
	case given.Status == nil:
		return nil, errors.New("the credential plugin's answer has no status")
	}
	s := given.Status
	c := &credentials{token: s.Token}
	if s.ExpirationTimestamp != nil {
		c.expire = s.ExpirationTimestamp.Time
	}
	switch {
	case (s.ClientCertificateData == "") != (s.ClientKeyData == ""):
		return nil, errors.New("the credential plugin has given a certificate without its key, or a key alone")
	case s.ClientCertificateData != "":
		pair, err := tls.X509KeyPair([]byte(s.ClientCertificateData), []byte(s.ClientKeyData))
		if err != nil {
			return nil, fmt.Errorf("the credential plugin's certificate: %w", err)
		}
		c.certificate = &pair
	case s.Token == "":
		return nil, errors.New("the credential plugin has given neither a token nor a certificate")
	}
	return c, nil
}
