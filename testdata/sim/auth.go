package sim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// anonymous is the name of who has no credentials.
const anonymous = "system:anonymous"

// User is who a token or a client certificate stands for. Without rules it may nothing but read /version and /readyz, and which resources
// there are.
type User struct {
	Name  string
	Rules []Rule
}

// Rule allows verbs on resources ("pods", "pods/log", "namespaces", "nodes/proxy") in namespaces; "*" stands for all in each, and an
// empty list too. Requests over all namespaces need a rule whose Namespaces is empty or holds "*". With ResourceNames it allows
// requests for objects of these names only, without patterns; a list or a watch is for one name if it has the field selector metadata.name=NAME.
type Rule struct{ Verbs, Resources, Namespaces, ResourceNames []string }

// Admin is a user who may everything.
func Admin(name string) User { return User{Name: name, Rules: []Rule{{}}} }

// Reader is a user who may read pods and their logs in the given namespaces, or everywhere if none is given.
func Reader(name string, namespaces ...string) User {
	return User{Name: name, Rules: []Rule{{
		Verbs: []string{"get", "list", "watch"}, Resources: []string{"pods", "pods/log"}, Namespaces: namespaces,
	}}}
}

func (u User) may(verb, resource, namespace, name string) bool {
	return slices.ContainsFunc(u.Rules, func(r Rule) bool {
		return has(r.Verbs, verb) && has(r.Resources, resource) && has(r.Namespaces, namespace) &&
			(len(r.ResourceNames) == 0 || slices.Contains(r.ResourceNames, name))
	})
}

func has(list []string, s string) bool {
	return len(list) == 0 || slices.Contains(list, "*") || (s != "" && slices.Contains(list, s))
}

// users knows tokens and the users of client certificates.
type users struct {
	noAnonymous bool

	mu     sync.Mutex
	tokens map[string]User
	certs  map[string]User // by common name
}

func newUsers(noAnonymous bool, admin string) *users {
	return &users{
		noAnonymous: noAnonymous,
		tokens:      map[string]User{admin: Admin("kubernetes-admin")},
		certs:       map[string]User{"kubernetes-admin": Admin("kubernetes-admin")},
	}
}

// AddToken makes the token stand for u from now on.
func (c *Cluster) AddToken(token string, u User) {
	c.users.mu.Lock()
	defer c.users.mu.Unlock()
	c.users.tokens[token] = u
}

// RevokeToken makes the token unknown: requests with it are 401. Streams that are open stay open, as in a real cluster.
func (c *Cluster) RevokeToken(token string) {
	c.users.mu.Lock()
	defer c.users.mu.Unlock()
	delete(c.users.tokens, token)
}

// AdminToken is the token of RESTConfig and Kubeconfig.
func (c *Cluster) AdminToken() string { return c.adminToken() }

func (c *Cluster) adminToken() string { return "admin-token-of-" + c.opt.Name }

// authenticate gives the request's user, or a 401; the user whom it impersonates, or a 403.
func (c *Cluster) authenticate(r *http.Request) (User, error) {
	user, err := c.login(r)
	name := r.Header.Get("Impersonate-User")
	if err != nil || name == "" {
		return user, err
	}
	if !user.may("impersonate", "users", "", name) {
		return user, apierrors.NewForbidden(schema.GroupResource{Resource: "users"}, name,
			fmt.Errorf("User %q cannot impersonate resource \"users\" in API group \"\" at the cluster scope", user.Name))
	}
	for _, group := range r.Header["Impersonate-Group"] {
		if !user.may("impersonate", "groups", "", group) {
			return user, apierrors.NewForbidden(schema.GroupResource{Resource: "groups"}, group,
				fmt.Errorf("User %q cannot impersonate resource \"groups\" in API group \"\" at the cluster scope", user.Name))
		}
	}
	return c.users.named(name), nil
}

// named gives the user of that name; one without rules if nobody has it.
func (u *users) named(name string) User {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, all := range []map[string]User{u.tokens, u.certs} {
		for _, user := range all {
			if user.Name == name {
				return user
			}
		}
	}
	return User{Name: name}
}

// login gives the user of the request's credentials, or a 401.
func (c *Cluster) login(r *http.Request) (User, error) {
	u := c.users
	u.mu.Lock()
	defer u.mu.Unlock()
	if h := r.Header.Get("Authorization"); h != "" {
		token, _ := strings.CutPrefix(h, "Bearer ")
		if user, ok := u.tokens[token]; ok {
			return user, nil
		}
		return User{}, apierrors.NewUnauthorized("Unauthorized")
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		name, err := c.ca.Load().verify(r.TLS.PeerCertificates[0], c.opt.Now())
		if err != nil {
			return User{}, apierrors.NewUnauthorized("Unauthorized")
		}
		if user, ok := u.certs[name]; ok {
			return user, nil
		}
		return User{Name: name}, nil
	}
	if u.noAnonymous {
		return User{}, apierrors.NewUnauthorized("Unauthorized")
	}
	return User{Name: anonymous}, nil
}

// authorize gives the 403 of a user who may not do what is asked.
func authorize(u User, q *Request) error {
	if q.Resource == "" {
		switch q.Path {
		case "/version", "/readyz", "/livez", "/healthz":
			return nil
		}
		if strings.HasPrefix(q.Path, "/api") && u.Name != anonymous { // system:discovery, which everybody has by default
			return nil
		}
		if u.may("get", "", "", "") {
			return nil
		}
		return apierrors.NewForbidden(schema.GroupResource{}, "",
			fmt.Errorf("User %q cannot get path %q", u.Name, q.Path))
	}
	verb, resource := q.Verb, q.Resource
	if verb == "log" {
		verb = "get"
	}
	if q.Subresource != "" {
		resource += "/" + q.Subresource
	}
	namespace := q.Namespace
	if q.Resource == "namespaces" {
		namespace = q.name
	}
	name := q.objectName()
	if u.may(verb, resource, namespace, name) {
		return nil
	}
	where := "at the cluster scope"
	if namespace != "" {
		where = fmt.Sprintf("in the namespace %q", namespace)
	}
	return apierrors.NewForbidden(schema.GroupResource{Group: q.Group, Resource: q.Resource}, name,
		fmt.Errorf("User %q cannot %s resource %q in API group %q %s", u.Name, verb, resource, q.Group, where))
}

// objectName gives the name of the one object that is asked for, also by a list or a watch; none if there may be several.
func (q *Request) objectName() string {
	if q.Verb != "list" && q.Verb != "watch" {
		return q.name
	}
	selector, err := fields.ParseSelector(q.Query.Get("fieldSelector"))
	if err != nil {
		return ""
	}
	name, _ := selector.RequiresExactMatch("metadata.name")
	return name
}

// ExecCredential is what a credential plugin prints to give a token.
func ExecCredential(token string) string {
	return fmt.Sprintf(`{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":%q}}`, token)
}
