package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// users are those who can log in, each with the token NAME-USER.
func users() []string { return []string{"admin", "viewer", "nobody"} }

func (c *cluster) token(user string) string { return c.name + "-" + user }

// writeTokens writes the API server's file of users: token, name, UID, groups.
func (c *cluster) writeTokens() error {
	var b strings.Builder
	for i, user := range users() {
		fmt.Fprintf(&b, "%s,%s,%d", c.token(user), user, i+1)
		if user == "admin" {
			b.WriteString(`,"system:masters"`)
		}
		b.WriteByte('\n')
	}
	return os.WriteFile(c.path("tokens.csv"), []byte(b.String()), 0o600)
}

// kubeconfig is the file with which a user logs in.
func (c *cluster) kubeconfig(user string) ([]byte, error) {
	if !slices.Contains(users(), user) {
		return nil, fmt.Errorf("no user %q; there are %s", user, strings.Join(users(), ", "))
	}
	ca, err := os.ReadFile(c.path("ca.crt"))
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters:
- name: %[1]q
  cluster:
    server: %[2]q
    certificate-authority-data: %[3]s
users:
- name: %[4]q
  user:
    token: %[5]q
contexts:
- name: %[6]q
  context:
    cluster: %[1]q
    user: %[4]q
current-context: %[6]q
`, c.name, c.server(), base64.StdEncoding.EncodeToString(ca), c.name+"-"+user, c.token(user), c.Context), nil
}

func (c *cluster) writeKubeconfig() error {
	b, err := c.kubeconfig("admin")
	if err != nil {
		return err
	}
	return os.WriteFile(c.path("kubeconfig"), b, 0o600)
}

func (c *cluster) printKubeconfig(w io.Writer, user string) error {
	b, err := c.kubeconfig(user)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}
