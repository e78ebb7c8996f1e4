package sim

import (
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	api "k8s.io/client-go/tools/clientcmd/api"
)

// CA is the certificate authority of the serving certificate, in PEM.
func (c *Cluster) CA() []byte { return c.ca.Load().pem() }

// RESTConfig gives a new client configuration for the administrator, without client-side throttle. It belongs to the caller.
func (c *Cluster) RESTConfig() *rest.Config { return c.RESTConfigFor(c.adminToken()) }

// RESTConfigFor is RESTConfig with another bearer token ("" for none).
func (c *Cluster) RESTConfigFor(token string) *rest.Config {
	cfg := &rest.Config{
		Host:            c.URL(),
		BearerToken:     token,
		TLSClientConfig: rest.TLSClientConfig{CAData: c.CA()},
		QPS:             -1,
	}
	if c.opt.Memory {
		cfg.Dial = c.door.dial
	}
	return cfg
}

// Access is what a kubeconfig says, besides the cluster's address and CA.
type Access struct {
	Context   string // the context's name, and current-context
	Cluster   string // the cluster entry's name; the context's name unless set
	User      string // the user entry's name; "kubernetes-admin" unless set
	Namespace string // of the context; none unless set
	Token     string // the administrator's unless set
	Server    string // URL unless set

	TLSServerName         string
	ClientCert, ClientKey []byte // PEM, instead of the token
}

// Kubeconfig is a kubeconfig file with one context of that name, for the administrator.
func (c *Cluster) Kubeconfig(contextName string) []byte {
	return c.KubeconfigFor(Access{Context: contextName})
}

// KubeconfigFor is a kubeconfig file with one context.
func (c *Cluster) KubeconfigFor(a Access) []byte {
	def(&a.Cluster, a.Context)
	def(&a.User, "kubernetes-admin")
	def(&a.Server, c.URL())
	user := &api.AuthInfo{ClientCertificateData: a.ClientCert, ClientKeyData: a.ClientKey}
	if len(a.ClientCert) == 0 {
		def(&a.Token, c.adminToken())
		user.Token = a.Token
	}
	data, err := clientcmd.Write(api.Config{
		CurrentContext: a.Context,
		Clusters: map[string]*api.Cluster{
			a.Cluster: {Server: a.Server, CertificateAuthorityData: c.CA(), TLSServerName: a.TLSServerName},
		},
		AuthInfos: map[string]*api.AuthInfo{a.User: user},
		Contexts:  map[string]*api.Context{a.Context: {Cluster: a.Cluster, AuthInfo: a.User, Namespace: a.Namespace}},
	})
	if err != nil {
		panic("sim: writing a kubeconfig: " + err.Error())
	}
	return data
}

// ClientCert issues a client certificate and key (PEM) for a user. After notAfter (zero: in 2100) requests with it are
// 401. "kubernetes-admin" may everything; others nothing unless GrantCert says so.
func (c *Cluster) ClientCert(user string, notAfter time.Time) (cert, key []byte) {
	cert, key, err := c.ca.Load().client(user, nil, notAfter)
	if err != nil {
		panic("sim: " + err.Error())
	}
	return cert, key
}

// GrantCert gives the rules of u to client certificates for u.Name.
func (c *Cluster) GrantCert(u User) {
	c.users.mu.Lock()
	defer c.users.mu.Unlock()
	c.users.certs[u.Name] = u
}
