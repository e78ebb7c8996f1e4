package main

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"
)

func TestCerts(t *testing.T) {
	c := at(t.TempDir(), "a")
	c.Number = 7
	if err := os.Mkdir(c.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := c.writeCerts(); err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(c.path("ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	for name, o := range map[string]x509.VerifyOptions{
		"apiserver": {DNSName: "10.231.7.2"},
		"kubelet":   {DNSName: "10.231.7.2"},
		"client":    {KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}},
	} {
		pair, err := tls.LoadX509KeyPair(c.path(name+".crt"), c.path(name+".key"))
		if err != nil {
			t.Fatal(err)
		}
		o.Roots = roots
		if _, err := pair.Leaf.Verify(o); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}

	// Certificates that are there stay: programs run with them.
	if err := c.writeCerts(); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(c.path("ca.crt")); err != nil || string(again) != string(ca) {
		t.Errorf("the CA was made anew (%v)", err)
	}
}
