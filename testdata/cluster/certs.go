package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// writeCerts writes ca.crt, and pairs of a NAME.crt and a NAME.key: apiserver and kubelet to serve with, client for the API
// server to speak to the kubelet with. sa.key signs the tokens of service accounts. The CA's own key is not kept.
func (c *cluster) writeCerts() error {
	if _, err := os.Stat(c.path("sa.key")); err == nil {
		return nil
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	ca := &x509.Certificate{
		Subject: pkix.Name{CommonName: c.name + "-ca"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	if err := c.sign("ca", ca, ca, key, key); err != nil {
		return err
	}
	node := net.ParseIP(c.net().node())
	for name, cert := range map[string]*x509.Certificate{
		"apiserver": {
			Subject:     pkix.Name{CommonName: "kube-apiserver"},
			IPAddresses: []net.IP{node, net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)},
			DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		},
		"kubelet": {
			Subject:     pkix.Name{CommonName: c.nodeName()},
			IPAddresses: []net.IP{node},
			DNSNames:    []string{c.nodeName()},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		},
		"client": {
			Subject:     pkix.Name{CommonName: "kube-apiserver-kubelet-client"},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		},
	} {
		own, err := newKey()
		if err != nil {
			return err
		}
		cert.KeyUsage = x509.KeyUsageDigitalSignature
		if err := c.sign(name, cert, ca, own, key); err != nil {
			return err
		}
		if err := c.writeKey(name, own); err != nil {
			return err
		}
	}
	if key, err = newKey(); err != nil {
		return err
	}
	return c.writeKey("sa", key)
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// sign writes the certificate of the key, signed by ca.
func (c *cluster) sign(name string, cert, ca *x509.Certificate, key, caKey *ecdsa.PrivateKey) error {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	cert.SerialNumber = serial
	cert.NotBefore, cert.NotAfter = time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0)
	der, err := x509.CreateCertificate(rand.Reader, cert, ca, &key.PublicKey, caKey)
	if err != nil {
		return fmt.Errorf("signing %s.crt: %w", name, err)
	}
	return os.WriteFile(c.path(name+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
}

func (c *cluster) writeKey(name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(c.path(name+".key"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}
