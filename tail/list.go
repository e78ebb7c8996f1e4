package tail

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"mktail/tail/kube"
	"mktail/tail/pods"
)

// refused tells whether err is about what was asked for, and no passing thing: it came from the API itself, at first.
func (s *scope) refused(err error) bool {
	return s.looked.IsZero() && (apierrors.IsBadRequest(err) || apierrors.IsInvalid(err)) && !apierrors.IsUnexpectedServerError(err)
}

// list reads all pods, by pages, and lets those go that are no longer there.
func (s *scope) list(ctx context.Context) error {
	var hidden error
	if s.c.owners.OfServices() {
		var err error
		switch s.services, _, err = s.c.owners.Services(ctx, s.namespace); {
		case apierrors.IsForbidden(err):
			hidden = err
		case err != nil:
			return fmt.Errorf("looking for services: %w", err)
		}
	}
	var pods []*pods.Pod
	listed := make(map[types.UID]bool) // whether it is selected
	begun := time.Now()
	version, o := "", s.options()
	o.Limit = pageSize
	for {
		page, err := s.c.kube.ListPods(ctx, s.namespace, o)
		switch {
		case err == nil:
		case s.refused(err) && o.Continue == "":
			return fmt.Errorf("%w: %w", kube.ErrRefused, err)
		default:
			return err
		}
		for i := range page.Items {
			p := &page.Items[i]
			switch ok, err := s.selects(ctx, p); {
			case err != nil:
				return err
			case ok:
				pods = append(pods, s.c.trim(p))
				listed[p.UID] = true
			default:
				listed[p.UID] = false
				s.remember(p)
			}
		}
		if o.Continue = page.Continue; o.Continue == "" {
			version = page.ResourceVersion
			break
		}
	}
	lives, err := s.unlisted(ctx, listed)
	if err != nil {
		return err
	}
	s.version = version // not before: else the next look would not list again
	if hidden != nil {  // else not even pods can be listed: that is said, and perhaps other scopes are tried
		s.c.owners.ReportHidden("which pods services select", hidden)
	}
	s.health.OK()
	s.c.health.Up()
	s.c.o.State.Heard(s.c.name, s.namespace)
	for _, p := range pods {
		s.tell(ctx, p, true)
	}
	for uid, selected := range listed {
		if !selected {
			s.leave(uid)
		}
	}
	for uid := range s.known {
		switch {
		case listed[uid]:
		case lives[uid]:
			s.leave(uid)
		default:
			s.gone(ctx, uid)
		}
	}
	if s.looked.IsZero() {
		s.looked = begun
		s.running.Go(func() { s.miss(ctx) })
	}
	return nil
}

// unlisted finds the known pods that are not among those listed, but live on: where the server selects, they are left out
// because their labels, say, have changed.
func (s *scope) unlisted(ctx context.Context, listed map[types.UID]bool) (lives map[types.UID]bool, err error) {
	if s.c.o.Labels == "" && s.c.o.Fields == "" {
		return nil, nil
	}
	lives = make(map[types.UID]bool)
	for uid, k := range s.known {
		if _, ok := listed[uid]; ok {
			continue
		}
		switch p, err := s.c.kube.GetPod(ctx, k.ns, k.name); {
		case err == nil:
			lives[uid] = p.UID == uid
		case kube.IsPodGone(err), apierrors.IsForbidden(err): // who may list need not be allowed to get
		default:
			return nil, err
		}
	}
	return lives, nil
}
