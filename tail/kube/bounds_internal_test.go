package kube

import (
	"net/http"
	"testing"
)

// TestSameServer: a redirect is followed where the credentials go to the same server, however its URL is written.
func TestSameServer(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		same     bool
	}{
		{"https://eu.example.com/a", "https://eu.example.com/b", true},
		{"https://eu.example.com:443/a", "https://eu.example.com/b", true},
		{"https://EU.example.com/a", "https://eu.example.com:443/b", true},
		{"http://eu.example.com/a", "http://eu.example.com:80/b", true},
		{"http://eu.example.com/a", "https://eu.example.com/b", true},
		{"https://[::1]/a", "https://[::1]:443/b", true},
		{"https://eu.example.com/a", "http://eu.example.com/b", false},
		{"https://eu.example.com/a", "http://eu.example.com:443/b", false},
		{"https://eu.example.com/a", "https://eu.example.com:8443/b", false},
		{"https://eu.example.com/a", "https://example.com/b", false},
		{"https://eu.example.com/a", "https://eu.example.com@example.com/b", false},
		{"https://eu.example.com/a", "ftp://eu.example.com/b", false},
	} {
		from, err := http.NewRequest(http.MethodGet, tt.from, nil)
		if err != nil {
			t.Fatal(err)
		}
		to, err := http.NewRequest(http.MethodGet, tt.to, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := sameServer(to, []*http.Request{from}); (err == nil) != tt.same {
			t.Errorf("from %s to %s: %v", tt.from, tt.to, err)
		}
	}
}
