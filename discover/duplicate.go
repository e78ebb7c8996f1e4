package discover

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"net/url"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// withoutDuplicates keeps the first of several contexts with the same cluster, user and namespaces to follow, or the first of those that
// the user has named. The same server with another TLS name is another cluster: gateways distinguish clusters by these.
//
// With -A the one that is kept gets the namespaces of the others: where all namespaces are forbidden, those of the contexts are followed.
func (o Options) withoutDuplicates(clusters []Cluster) (kept []Cluster) {
	same := func(c *Cluster) string { return c.identity + o.namespaceOf(c) }
	for _, g := range grouped(clusters, same, func(_, _ *Cluster) bool { return false }) {
		c := g.cluster
		for _, other := range g.others {
			o.Log.Debug().Msgf("%s: context %q passed over: the same as %q of %s", shown(other.File), brief(other.Context), brief(c.Context), shown(c.File))
			c.standFor(&other)
			if o.AllNamespaces {
				c.standForNamespaces(&other)
			}
		}
		kept = append(kept, c)
	}
	return kept
}

// namespaceOf returns the namespace that tells a context from others with its cluster; empty: no context's counts.
func (o Options) namespaceOf(c *Cluster) string {
	if o.AllNamespaces || o.NamedNamespaces {
		return ""
	}
	return c.Namespace
}

// execExtension is the extension of a cluster that is passed to exec plugins.
const execExtension = "client.authentication.k8s.io/exec"

// identities returns two hashes: of everything that decides which cluster a context reaches, and as which user; and of that
// without the user. Files are compared by their contents.
func identities(config *clientcmdapi.Config, context string) (identity, place string) {
	cluster := *config.Clusters[config.Contexts[context].Cluster]
	var user clientcmdapi.AuthInfo
	if u := config.AuthInfos[config.Contexts[context].AuthInfo]; u != nil {
		user = *u
	}
	cluster.Server = normalURL(cluster.Server)
	cluster.DisableCompression = false
	cluster.CertificateAuthorityData = hold(cluster.CertificateAuthorityData, &cluster.CertificateAuthority)
	user.ClientCertificateData = hold(user.ClientCertificateData, &user.ClientCertificate)
	user.ClientKeyData = hold(user.ClientKeyData, &user.ClientKey)
	if user.Token == "" {
		user.Token = string(hold(nil, &user.TokenFile))
	}
	var plugin runtime.Object
	if user.Exec != nil {
		exec := *user.Exec
		exec.InstallHint, exec.InteractiveMode = "", ""
		user.Exec, plugin = &exec, cluster.Extensions[execExtension]
	}
	cluster.Extensions, user.Extensions = nil, nil
	hash := func(parts ...any) string {
		text, err := json.Marshal(parts)
		if err != nil { // not comparable: equal to no other
			return config.Clusters[config.Contexts[context].Cluster].LocationOfOrigin + "\x00" + context
		}
		sum := sha256.Sum256(text)
		return string(sum[:])
	}
	return hash(cluster, user, plugin), hash(cluster, plugin, route(&user))
}

// hold returns data, or the contents of the file if there is no data, and clears the file's name.
func hold(data []byte, file *string) []byte {
	if *file != "" && len(data) == 0 {
		text, err := os.ReadFile(*file) // island has found it to be a regular file
		if err != nil {
			return nil
		}
		data = text
	}
	*file = ""
	return bytes.TrimSpace(data)
}

// normalURL returns the same text for equivalent URLs: host in lower case, no default port, no slash at the end.
func normalURL(server string) string {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" {
		return server
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch u.Scheme {
	case "https":
		u.Host = strings.TrimSuffix(u.Host, ":443")
	case "http":
		u.Host = strings.TrimSuffix(u.Host, ":80")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	u.RawQuery, u.Fragment, u.ForceQuery = "", "", false
	return u.String()
}
