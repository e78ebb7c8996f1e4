package sim

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/kubernetes/scheme"
)

var listOptionsKind = schema.GroupKind{Group: "meta.k8s.io", Kind: "ListOptions"}

// checkInitialEvents refuses sendInitialEvents where the API server does.
func (c *Cluster) checkInitialEvents(o metav1.ListOptions) error {
	forbidden := func(where, why string) error {
		return apierrors.NewInvalid(listOptionsKind, "", field.ErrorList{field.Forbidden(field.NewPath(where), why)})
	}
	switch {
	case o.SendInitialEvents == nil:
		return nil
	case o.ResourceVersionMatch != metav1.ResourceVersionMatchNotOlderThan:
		return forbidden("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
	case c.opt.NoWatchList:
		return forbidden("sendInitialEvents", "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled")
	}
	return nil
}

// exchange is one request under way and its answer.
type exchange struct {
	c   *Cluster
	w   http.ResponseWriter
	r   *http.Request
	req *Request
	out *body
}

// serve is the API server's handler.
func (c *Cluster) serve(w http.ResponseWriter, r *http.Request) {
	if !c.enter() {
		return
	}
	defer c.work.Done()
	x := &exchange{c: c, w: w, r: r, req: newRequest(r, c.opt.Now())}
	user, err := c.authenticate(r)
	x.req.User = user.Name
	x.out = &body{x: x, fault: c.faults.match(x.req)}
	c.stats.begin(x.req)
	defer c.stats.end(x.req)
	w.Header().Set("Cache-Control", "no-cache, private")
	if f := x.out.fault; f != nil {
		if !x.sleep(f.Delay) {
			panic(http.ErrAbortHandler) // else the server answers with nothing, which the client may yet see
		}
		if f.GoAway { // as the API server's --goaway-chance does
			w.Header().Set("Connection", "close")
		}
		switch {
		case f.Page != "":
			if f.RetryAfter > 0 {
				w.Header().Set("Retry-After", fmt.Sprint(f.RetryAfter))
			}
			x.page(cmp.Or(f.Status, http.StatusOK), f.Page)
			return
		case f.HangUp:
			connOf(r.Context()).cut(false)
			return
		case f.Status != 0:
			x.fail(f.error(x.req))
			return
		case f.Redirect != "":
			http.Redirect(w, r, f.Redirect, http.StatusFound)
			x.req.setStatus(http.StatusFound)
			return
		case f.Gzip && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip"):
			x.w = newGzipped(w)
		case f.Encoding != "":
			w.Header().Set("Content-Encoding", f.Encoding)
		}
		x.out.arm()
	}
	if err == nil {
		err = authorize(user, x.req)
	}
	if err == nil {
		err = c.route(x)
	}
	if err != nil {
		x.fail(err)
	}
	x.out.finish()
}

// sleep waits for d; false when the client went or the cluster closed before.
func (x *exchange) sleep(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-x.r.Context().Done():
		return false
	}
}

// route answers the request; an error becomes the answer, unless one has begun.
func (c *Cluster) route(x *exchange) error {
	q := x.req
	switch {
	case q.Resource == "":
		return c.plain(x)
	case q.Resource == "namespaces":
		return c.serveNamespaces(x)
	case q.Resource == "nodes" && q.Subresource == "proxy":
		return c.serveProxy(x)
	case q.Resource != "pods" || q.Group != "":
		return c.serveObject(x)
	}
	switch q.Verb + " " + q.Subresource {
	case "log log":
		return c.serveLog(x)
	case "get ", "get status":
		p, err := c.store.get(q.Namespace, q.name)
		if err != nil {
			return err
		}
		return x.object(http.StatusOK, c.store.served(p))
	case "create ":
		return c.createPod(x)
	case "delete ":
		return c.deletePod(x)
	case "update ephemeralcontainers":
		return c.updateEphemeral(x)
	case "list ", "watch ":
		var o metav1.ListOptions
		query := x.r.URL.Query()
		if err := metav1.Convert_url_Values_To_v1_ListOptions(&query, &o, nil); err != nil {
			return apierrors.NewBadRequest(err.Error())
		}
		if q.Verb == "watch" {
			return c.serveWatch(x, o)
		}
		sel, err := newSelection(q.Namespace, o)
		if err != nil {
			return err
		}
		if n := c.opt.MaxPage; n > 0 {
			o.Limit = min(o.Limit, n)
		}
		list, err := c.store.list(sel, o)
		if err != nil {
			return err
		}
		return x.object(http.StatusOK, list)
	}
	if q.Subresource != "" {
		return notFound()
	}
	return apierrors.NewMethodNotSupported(podResource, q.Verb)
}

func (c *Cluster) serveNamespaces(x *exchange) error {
	switch x.req.Verb {
	case "watch":
		return c.serveEvents(x)
	case "list":
		return x.object(http.StatusOK, c.store.listNamespaces())
	case "get":
		ns, err := c.store.namespace(x.req.name)
		if err != nil {
			return err
		}
		return x.object(http.StatusOK, ns)
	case "create":
		var ns corev1.Namespace
		if err := x.decode(&ns); err != nil {
			return err
		}
		made, err := c.store.addNamespace(ns.Name)
		if err != nil {
			return err
		}
		return x.object(http.StatusCreated, made)
	case "delete":
		ns, err := c.store.namespace(x.req.name)
		if err != nil {
			return err
		}
		for _, p := range c.Pods() {
			if p.Namespace() == ns.Name {
				p.terminate(nil)
			}
		}
		c.store.dropNamespace(ns.Name)
		gone := ns.DeepCopy()
		gone.Status.Phase = corev1.NamespaceTerminating
		return x.object(http.StatusOK, gone)
	}
	return apierrors.NewMethodNotSupported(namespaceResource, x.req.Verb)
}

// plain serves paths that are not resources.
func (c *Cluster) plain(x *exchange) error {
	h := x.w.Header()
	switch x.req.Path {
	case "/version":
		h.Set("Content-Type", "application/json")
		x.begin(http.StatusOK)
		major, rest, _ := strings.Cut(strings.TrimPrefix(c.opt.Version, "v"), ".")
		minor, _, _ := strings.Cut(rest, ".")
		fmt.Fprintf(x.out, "{\n  \"major\": %q,\n  \"minor\": %q,\n  \"gitVersion\": %q,\n  \"platform\": \"linux/amd64\"\n}",
			major, minor, c.opt.Version)
	case "/login":
		x.page(http.StatusOK, "<!doctype html>\n<html><title>Sign in</title>\n<body>Please log in</body></html>\n")
	case "/readyz", "/livez", "/healthz":
		h.Set("Content-Type", "text/plain; charset=utf-8")
		x.begin(http.StatusOK)
		_, _ = io.WriteString(x.out, "ok")
	case "/api":
		return x.object(http.StatusOK, &metav1.APIVersions{
			TypeMeta: metav1.TypeMeta{Kind: "APIVersions", APIVersion: "v1"}, Versions: []string{"v1"}})
	default:
		if strings.HasPrefix(x.req.Path, "/api") {
			return c.serveDiscovery(x)
		}
		return notFound()
	}
	return nil
}

// page answers with an HTML page.
func (x *exchange) page(code int, text string) {
	x.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	x.begin(code)
	_, _ = io.WriteString(x.out, text)
}

func notFound() error {
	return apierrors.NewGenericServerResponse(http.StatusNotFound, "", schema.GroupResource{}, "", "", 0, false)
}

// begin sends the header's status once.
func (x *exchange) begin(code int) {
	x.req.setStatus(code)
	x.w.WriteHeader(code)
	if x.req.Verb == "watch" {
		x.out.flush()
	}
}

// decode reads the request's body into obj, in whatever form it says.
func (x *exchange) decode(obj runtime.Object) error {
	data, err := io.ReadAll(io.LimitReader(x.r.Body, 3<<20))
	if err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	if len(data) == 0 {
		return nil
	}
	media, _, _ := strings.Cut(x.r.Header.Get("Content-Type"), ";")
	def(&media, runtime.ContentTypeJSON)
	info, ok := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), media)
	if !ok {
		return apierrors.NewGenericServerResponse(http.StatusUnsupportedMediaType, "", schema.GroupResource{}, "",
			"the body of the request was in an unknown format - "+media, 0, false)
	}
	if _, _, err := info.Serializer.Decode(data, nil, obj); err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	return nil
}

// negotiate picks the form of the answer from the Accept header: JSON, or Kubernetes protobuf.
func negotiate(r *http.Request) (runtime.SerializerInfo, error) {
	accept := r.Header.Get("Accept")
	def(&accept, "*/*")
	for part := range strings.SplitSeq(accept, ",") {
		media, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.Contains(params, "as=") { // tables and partial metadata are not made
			continue
		}
		if media == "*/*" || media == "application/*" {
			media = runtime.ContentTypeJSON
		}
		if info, ok := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), media); ok &&
			info.StreamSerializer != nil {
			return info, nil
		}
	}
	return runtime.SerializerInfo{}, apierrors.NewGenericServerResponse(http.StatusNotAcceptable, "", schema.GroupResource{},
		"", "only the following media types are accepted: application/json, application/vnd.kubernetes.protobuf", 0, false)
}

// object sends obj, whose kind is set.
func (x *exchange) object(code int, obj runtime.Object) error {
	media, err := negotiate(x.r)
	if err != nil {
		return err
	}
	x.w.Header().Set("Content-Type", media.MediaType)
	x.begin(code)
	_ = media.Serializer.Encode(obj, x.out) // an error is the client's going away
	return nil
}

// fail sends an error as the API does: a Status.
func (x *exchange) fail(err error) {
	status, ok := err.(apierrors.APIStatus)
	if !ok {
		status = apierrors.NewInternalError(err)
	}
	st := status.Status()
	st.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	if st.Details != nil && st.Details.RetryAfterSeconds > 0 {
		x.w.Header().Set("Retry-After", fmt.Sprint(st.Details.RetryAfterSeconds))
	}
	media, err := negotiate(x.r)
	if err != nil {
		media, _ = runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), runtime.ContentTypeJSON)
	}
	x.w.Header().Set("Content-Type", media.MediaType)
	x.begin(int(st.Code))
	_ = media.Serializer.Encode(&st, x.out)
}
