package sim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// token is what a continue token holds: where the list goes on, and of which version it is.
type token struct {
	Version  uint64 `json:"rv"`
	StartKey string `json:"start"` // the last key given
}

const continueExpired = "The provided continue parameter is too old to display a consistent list result. You can start a new " +
	"list without the continue parameter, or use the continue token in this response to retrieve the remainder of the " +
	"results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or " +
	"deleted between the time the first chunk was returned and now may show up in the list."

// list gives one page. A list that goes on is of the version of its first page.
func (s *store) list(sel selection, o metav1.ListOptions) (*corev1.PodList, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := token{Version: s.rv}
	switch {
	case o.Continue != "":
		var err error
		if at, err = s.parseContinue(o.Continue); err != nil {
			return nil, err
		}
	case o.ResourceVersion != "":
		rv, err := strconv.ParseUint(o.ResourceVersion, 10, 64)
		if err != nil {
			return nil, badVersion(o.ResourceVersion, err)
		}
		if rv > s.rv {
			return nil, tooLarge(rv, s.rv)
		}
		if o.ResourceVersionMatch == metav1.ResourceVersionMatchExact {
			if rv < s.floor {
				return nil, apierrors.NewResourceExpired("The resourceVersion for the provided list is too old.")
			}
			at.Version = rv
		}
	}
	keys, pods := s.state(at.Version)
	list := &corev1.PodList{TypeMeta: metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"}}
	list.ResourceVersion = fmt.Sprint(at.Version)
	list.Items = []corev1.Pod{}
	remaining, last := int64(0), ""
	for _, k := range keys {
		p := pods[k]
		switch {
		case k <= at.StartKey || !sel.matches(p):
		case o.Limit > 0 && int64(len(list.Items)) >= o.Limit:
			remaining++
		default:
			item := *s.served(p)
			item.TypeMeta = metav1.TypeMeta{}
			list.Items = append(list.Items, item)
			last = k
		}
	}
	if remaining > 0 {
		data, _ := json.Marshal(token{at.Version, last})
		list.Continue = base64.RawURLEncoding.EncodeToString(data)
		if sel.labels.Empty() && sel.fields.Empty() {
			list.RemainingItemCount = &remaining
		}
	}
	return list, nil
}

// parseContinue reads a continue token; one from before the last Compact is 410, with a token to go on inconsistently.
func (s *store) parseContinue(text string) (token, error) {
	var t token
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(data, &t)
	}
	if err != nil {
		return t, apierrors.NewBadRequest(fmt.Sprintf("continue key is not valid: %v", err))
	}
	if t.Version == 0 { // "at the newest version"
		t.Version = s.rv
		return t, nil
	}
	if t.Version < s.floor {
		gone := apierrors.NewResourceExpired(continueExpired)
		data, _ := json.Marshal(token{0, t.StartKey})
		gone.ErrStatus.ListMeta.Continue = base64.RawURLEncoding.EncodeToString(data)
		return t, gone
	}
	return t, nil
}

// tooLarge is the error of a version that is still to come.
func tooLarge(asked, current uint64) error {
	err := apierrors.NewTimeoutError(fmt.Sprintf("Too large resource version: %d, current: %d", asked, current), 1)
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{
		Type: metav1.CauseTypeResourceVersionTooLarge, Message: "Too large resource version",
	}}
	return err
}

// badVersion is the error of a version that is not a number; the API server calls it its own fault.
func badVersion(version string, err error) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: http.StatusInternalServerError,
		Message: fmt.Sprintf("resourceVersion: Invalid value: %q: %v", version, err)}}
}
