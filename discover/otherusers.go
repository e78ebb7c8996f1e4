package discover

import (
	"cmp"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// withoutOtherUsers keeps one of several contexts with the same cluster and namespaces under different users: each line would
// come once for each of them. It is the first, whatever becomes of its credentials: its name, and the place that a state's file has for
// it, must not move when they expire. The credentials in use are the first ones that are not known to have expired; when they are refused,
// those of the next one are used. Contexts that the user has named, each by itself, are all kept.
func (o Options) withoutOtherUsers(clusters []Cluster) []Cluster {
	order := make([]int, len(clusters)) // of precedence
	for i := range order {
		order[i] = i
	}
	named := func(c *Cluster) int {
		if c.byFlag || len(c.byPattern) > 0 {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(named(&clusters[i]), named(&clusters[j])) })
	kept := make(map[string][]int) // by place
	twins := make(map[int]int)     // the cluster that is followed in place of another
	for _, i := range order {
		c := &clusters[i]
		same := slices.IndexFunc(kept[c.place], func(j int) bool { return clusters[j].covers(c) && !namedBoth(&clusters[j], c) })
		if same < 0 {
			kept[c.place] = append(kept[c.place], i)
		} else {
			twins[i] = kept[c.place][same]
		}
	}
	others := make(map[int][]Cluster) // users in whose place another is followed, in order
	for _, i := range order {
		if j, ok := twins[i]; ok {
			others[j] = append(others[j], clusters[i])
		}
	}
	var all []Cluster
	for i := range clusters {
		if j, ok := twins[i]; ok {
			c, twin := &clusters[i], &clusters[j]
			twin.namesOfTwins = append(append(twin.namesOfTwins, c.names()...), c.namesOfTwins...)
			o.Log.Info().Msgf("%s: context %q passed over: the same server and namespace as %q of %s, under another user; to follow both, name both with --context or --kubeconfig",
				shown(c.File), brief(c.Context), brief(twin.Context), shown(twin.File))
		}
	}
	for i, c := range clusters {
		if _, ok := twins[i]; !ok {
			all = append(all, o.asOneOf(c, others[i]))
		}
	}
	return all
}

// asOneOf returns a cluster with the first credentials that may work of its own and those of others, and with a Reread that goes on to the
// next ones.
func (o Options) asOneOf(c Cluster, others []Cluster) Cluster {
	if len(others) == 0 {
		return c
	}
	users := append([]Cluster{c}, others...)
	for i, u := range users {
		if p := u.Config.ExecProvider; p != nil && o.Runs != nil && !o.Runs(p.Command) {
			users[i].usable = unusable
		}
	}
	slices.SortStableFunc(users, func(a, b Cluster) int { return cmp.Compare(a.usable, b.usable) })
	first := users[0]
	if first.identity != c.identity {
		o.Log.Info().Msgf("%s: the credentials of context %q have expired or cannot be had; using those of %q of %s",
			shown(c.File), brief(c.Context), brief(first.Context), shown(first.File))
	}
	host := c.Config.Host // which the state's file has: another user's may be written differently
	c.Config = first.Config
	c.Config.Host = host
	c.Reread = o.oneOf(slices.DeleteFunc(users, func(u Cluster) bool {
		return u.identity != first.identity && !interchangeable(first.Config, u.Config)
	}))
	return c
}

// cycle is how long it takes at least until users that were all refused are tried again.
const cycle = 5 * time.Minute

// oneOf returns Cluster.Reread for the users of a cluster, of whom the first is in use. If its configuration is refused, and
// is the same in its file, the next one's is given; after the last, the first one's again.
func (o Options) oneOf(users []Cluster) func() (*rest.Config, error) {
	for i := range users {
		users[i].Config = nil // not to be kept in memory
	}
	var mu sync.Mutex
	var began time.Time // when the first was found to be refused
	now := 0
	return func() (*rest.Config, error) {
		mu.Lock()
		defer mu.Unlock()
		again, err := users[now].reread()
		if err == nil && again.identity != users[now].identity {
			users[now].identity = again.identity
			return again.Config, nil
		}
		if now == 0 {
			if !began.IsZero() && time.Since(began) < cycle {
				return again.Config, err
			}
			began = time.Now()
		}
		for start := now; ; {
			was := users[now]
			if now = (now + 1) % len(users); now == start {
				return again.Config, err
			}
			next, err := users[now].reread()
			if err != nil {
				continue
			}
			users[now].identity = next.identity
			o.Log.Info().Msgf("%s: the credentials of context %q were refused; trying those of %q of %s",
				shown(was.File), brief(was.Context), brief(users[now].Context), shown(users[now].File))
			return next.Config, nil
		}
	}
}

// interchangeable reports whether the credentials of one configuration can be used in place of another's during a run: both are
// in the kubeconfig or in files, and neither is that of somebody else.
func interchangeable(a, b *rest.Config) bool {
	own := func(c *rest.Config) bool {
		given := c.BearerToken != "" || c.BearerTokenFile != "" || c.Username != "" || len(c.CertData) > 0 || c.CertFile != ""
		return given && c.ExecProvider == nil && c.AuthProvider == nil && c.Impersonate.UserName == ""
	}
	return own(a) && own(b)
}

// covers reports whether c follows the namespaces of another context. Those of contexts count also with -A and -n: people who
// may read different namespaces of a cluster have a context for each, with its own user.
func (c *Cluster) covers(other *Cluster) bool {
	mine := append([]string{c.Namespace}, c.Others...)
	return !slices.ContainsFunc(append([]string{other.Namespace}, other.Others...), func(ns string) bool { return !slices.Contains(mine, ns) })
}

// namedBoth reports whether the user has named two contexts each by itself: their files, or their names by two patterns. The same
// name in two files names only one of them.
func namedBoth(a, b *Cluster) bool {
	if a.byFlag && b.byFlag && a.File != b.File {
		return true
	}
	return len(a.byPattern) > 0 && len(b.byPattern) > 0 && (len(a.byPattern) > 1 || !slices.Equal(a.byPattern, b.byPattern))
}

// route returns what of a user's credentials tells a gateway which of its clusters is meant: the agent in a token for GitLab,
// arguments and variables of a credential plugin that name a cluster or an agent, as for Teleport, and what Teleport writes into
// certificates that need no plugin (tctl auth sign).
func route(user *clientcmdapi.AuthInfo) (all []string) {
	if cert := certificate(user.ClientCertificateData); cert != nil {
		for _, name := range cert.Subject.Names {
			if slices.ContainsFunc(routeTypes, name.Type.Equal) {
				all = append(all, fmt.Sprintf("%s=%v", name.Type, name.Value))
			}
		}
	}
	if agent := agentToken.FindString(user.Token); agent != "" {
		all = append(all, agent)
	}
	if user.Exec == nil {
		return all
	}
	for i, arg := range user.Exec.Args {
		if !routeName.MatchString(arg) {
			continue
		}
		all = append(all, arg)
		if strings.HasPrefix(arg, "-") && !strings.Contains(arg, "=") && i+1 < len(user.Exec.Args) {
			all = append(all, user.Exec.Args[i+1])
		}
	}
	for _, v := range user.Exec.Env {
		if routeName.MatchString(v.Name) {
			all = append(all, v.Name+"="+v.Value)
		}
	}
	return all
}

var (
	agentToken = regexp.MustCompile(`^(?:ci|pat):[^:]*:`)
	routeName  = regexp.MustCompile(`(?i)cluster|agent`)

	// routeTypes are the parts of a certificate's subject in which Teleport has the cluster to lead to, the Kubernetes cluster there, and
	// the cluster that gave the certificate. Kubernetes itself reads only the common name and the organizations.
	routeTypes = []asn1.ObjectIdentifier{{2, 5, 4, 9}, {1, 3, 9999, 1, 3}, {1, 3, 9999, 1, 7}}
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
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Expires float64 `json:"exp"`
	}
	if err != nil || json.Unmarshal(text, &claims) != nil || claims.Expires <= 0 {
		return time.Time{}
	}
	return time.Unix(int64(claims.Expires), 0)
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
