package discover

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// mostHeld is the maximum size of all contexts of a file together, in bytes. Each context has its own copy of
// certificates and keys, so a small file with thousands of contexts on one cluster could ask for any amount.
const mostHeld = 128 << 20

// perValue is the memory of a value besides its text, in bytes: a list of many short arguments is larger than its text.
const perValue = 16

var errHeld = fmt.Errorf("it and those after it are too much: the file's contexts hold more than %d MiB together", mostHeld>>20)

// cluster makes the client configuration of a context. It finds mistakes that clientcmd does not report: clientcmd
// would connect without credentials if the user is missing, and other mistakes would only fail the first connection.
func (e entry) cluster() (Cluster, error) {
	if e.file.held > mostHeld {
		return Cluster{}, errHeld
	}
	island, err := e.island()
	if err != nil {
		return Cluster{}, err
	}
	// Without the empty overrides clientcmd would fall back to localhost:8080 or $KUBERNETES_MASTER.
	config, err := clientcmd.NewNonInteractiveClientConfig(*island, e.context, &clientcmd.ConfigOverrides{}, nil).ClientConfig()
	if err != nil {
		return Cluster{}, oneLine(err)
	}
	name, file := island.Contexts[e.context].AuthInfo, e.file.path
	if user := island.AuthInfos[name]; user != nil {
		file = user.LocationOfOrigin // of merged files another one may have the context
	}
	if config.AuthProvider != nil {
		config.AuthConfigPersister = &tokenStore{file, name}
	}
	if u, _, err := rest.DefaultServerUrlFor(config); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return Cluster{}, errors.New("its server is no URL of http or https")
	}
	tls := rest.CopyConfig(config)
	tls.ExecProvider, tls.AuthProvider = nil, nil
	if _, err := rest.TLSConfigFor(tls); err != nil {
		return Cluster{}, oneLine(err)
	}
	namespace := cmp.Or(island.Contexts[e.context].Namespace, "default")
	identity, place := identities(island, e.context)
	usable := usabilityOf(config, time.Now())
	if usable == noCredentials { // no user is not another user
		place = identity
	}
	return Cluster{
		Context: e.context, File: e.file.path, Server: shownURL(config.Host), Namespace: namespace,
		Users:    []User{{File: file, Config: config, Reread: e.reread(config.Host, config.ServerName), usable: usable}},
		root:     e.file.root,
		identity: identity, place: place,
	}, nil
}

// reread returns a function that reads a context again, which must lead to this server with this TLS name. The function does
// not keep the file's contents in memory.
func (e entry) reread(host, serverName string) func() (*rest.Config, error) {
	again, path, context := e.file.again, e.file.path, e.context
	return func() (*rest.Config, error) {
		f, err := again()
		if err != nil {
			return nil, fmt.Errorf("reading kubeconfig %s: %w", shown(path), err)
		}
		c, err := entry{f, context}.cluster()
		if err != nil {
			return nil, fmt.Errorf("reading context %q of %s: %w", brief(context), shown(path), err)
		}
		config := c.Users[0].Config
		if config.Host != host || config.ServerName != serverName {
			return nil, fmt.Errorf("reading context %q of %s: it leads to another server now", brief(context), shown(path))
		}
		return config, nil
	}
}

// island returns a configuration with only this context, deeply copied: clientcmd writes the cluster's extension into
// the user's exec plugin, which several contexts may share.
func (e entry) island() (*clientcmdapi.Config, error) {
	context := e.file.config.Contexts[e.context]
	switch {
	case context == nil:
		return nil, errors.New("the file has no such context")
	case e.context == "":
		return nil, errors.New("it has no name")
	case context.Cluster == "":
		return nil, errors.New("it names no cluster")
	case context.Namespace != "" && len(validation.IsDNS1123Label(context.Namespace)) > 0:
		return nil, fmt.Errorf("its namespace %q is no name of a namespace", brief(context.Namespace))
	}
	cluster, user := e.file.config.Clusters[context.Cluster], e.file.config.AuthInfos[context.AuthInfo]
	switch {
	case cluster == nil:
		return nil, fmt.Errorf("the file has no cluster %q", brief(context.Cluster))
	case cluster.Server == "":
		return nil, fmt.Errorf("cluster %q has no server", brief(context.Cluster))
	case user == nil && context.AuthInfo != "":
		return nil, fmt.Errorf("the file has no user %q", brief(context.AuthInfo))
	}
	if err := checkProxy(cluster.ProxyURL); err != nil {
		return nil, fmt.Errorf("cluster %q: %w", brief(context.Cluster), err)
	}
	if err := checkAuthProvider(user); err != nil {
		return nil, fmt.Errorf("user %q: %w", brief(context.AuthInfo), err)
	}
	text, err := json.Marshal([]any{cluster, user})
	if err != nil {
		return nil, errors.New("it can't be copied")
	}
	e.file.held += len(text) + perValue*bytes.Count(text, []byte{','})
	island := clientcmdapi.NewConfig()
	island.Contexts[e.context] = context.DeepCopy()
	island.Clusters[context.Cluster] = cluster.DeepCopy()
	references := clientcmd.GetClusterFileReferences(cluster)
	if user != nil {
		island.AuthInfos[context.AuthInfo] = user.DeepCopy()
		references = append(references, &user.ClientCertificate, &user.ClientKey, &user.TokenFile)
	}
	if user != nil && user.AuthProvider != nil {
		// Without data client-go reads the file, whose path is not relative to that of the kubeconfig.
		data, authority := user.AuthProvider.Config["idp-certificate-authority-data"], user.AuthProvider.Config["idp-certificate-authority"]
		if strings.Trim(data, "\r\n") == "" { // base64 ignores newlines
			references = append(references, &authority)
		}
	}
	for _, path := range references {
		if *path == "" {
			continue
		}
		// clientcmd would open the path even if it is not a regular file.
		text, _, err := readRegular(*path)
		if user != nil && path == &user.TokenFile && user.Token != "" && err != nil && !errors.Is(err, errLarge) { // the token counts then, as for kubectl
			if errors.Is(err, errSpecial) {
				island.AuthInfos[context.AuthInfo].TokenFile = "" // opening it could block
			}
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", shown(*path), err)
		}
		e.file.held += len(text)
	}
	return island, nil
}

// checkProxy returns an error for a proxy URL that clientcmd would refuse: clientcmd's error quotes the password.
func checkProxy(proxy string) error {
	if proxy == "" {
		return nil
	}
	u, err := url.Parse(proxy)
	if err == nil && u.Host != "" {
		switch u.Scheme {
		case "http", "https", "socks5":
			return nil
		}
	}
	return errors.New("its proxy-url is no URL of http, https or socks5")
}
