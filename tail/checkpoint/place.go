package checkpoint

import (
	"cmp"
	"time"

	"mktail/tail/position"
)

// Key names a container as a cluster has it; another entry of a kubeconfig may lead to the same container. Pod is what its pod is known
// by: a pod's name can come again, its UID can't; a static pod has several of them, so that it is known by something else.
type Key struct{ Cluster, Pod, Container string }

// container names a container of a pod, whatever its cluster is called.
type container struct{ pod, name string }

func (k Key) container() container { return container{k.Pod, k.Container} }

// Place is what was reached in the log of one container, in the form of the file. All lines up to it have been handed to the
// output. Times without a type are in Unix seconds or, in Saved and Gap, in Unix nanoseconds, by the node's clock.
type Place struct {
	Cluster   string    `json:"cluster"`
	Home      string    `json:"home,omitempty"` // of the cluster; see Store.SetClusters
	Met       time.Time `json:"met,omitzero"`   // the day when a run last knew of the pod
	Namespace string    `json:"ns"`
	Pod       string    `json:"pod"`
	UID       string    `json:"uid"`
	Static    string    `json:"static,omitempty"` // what the pod is known by, if that is not its UID; another cluster may have it, too
	Container string    `json:"container"`
	At        string    `json:"at,omitempty"`       // ID of the instance that was read last
	Restarts  int       `json:"restarts,omitempty"` // of the container, before that instance
	Started   int64     `json:"started,omitempty"`  // when that instance did
	Done      string    `json:"done,omitempty"`     // ID of the newest instance that was read to its end
	Begin     string    `json:"begin,omitempty"`    // ID of the instance that --since and --tail counted for
	Looked    time.Time `json:"looked"`             // when the pods were first listed
	Opened    time.Time `json:"opened,omitzero"`    // when a stream was first open

	BeginRestarts int `json:"beginRestarts,omitempty"` // of the container, before the instance of Begin

	position.Saved                 // in the instance At
	Ahead          *position.Saved `json:"ahead,omitempty"`   // in a later instance, as far as that may have been read in its place
	AheadOf        string          `json:"aheadOf,omitempty"` // ID of that instance
	Sure           string          `json:"sure,omitempty"`    // ID of the instance that is known not to be mistaken for a later one
	Suspected      *SuspectedGap   `json:"doubt,omitempty"`
	Head           uint64          `json:"head,omitempty"`     // hash of the line that the log of At began with
	Reported       uint64          `json:"reported,omitempty"` // hash of the line that was read last when a gap was reported before anything came after it
	Rotated        []string        `json:"rotated,omitempty"`  // names of the rotated files that were listed last, in their order

	Unstamped *position.SavedUnstamped `json:"unstamped,omitempty"` // in the instance At, in place of Saved, if its lines have no stamps

	// Together they take little room.
	Left     bool `json:"left,omitempty"`     // the pod was no longer selected
	Unnamed  bool `json:"unnamed,omitempty"`  // At is empty because the API no longer knew that instance, not because none was read
	Ended    bool `json:"ended,omitempty"`    // nothing more was to come
	Untailed bool `json:"untailed,omitempty"` // --tail left out nothing of Begin's log when that was first asked for
	met      bool // in this run
	lost     bool // its pod was found to be gone
}

// Identity returns what the pod is known by.
func (p *Place) Identity() string { return cmp.Or(p.Static, p.UID) }

func (p *Place) container() container { return container{p.Identity(), p.Container} }

// SuspectedGap is a jump in time within a log, of which it is not known whether lines were left out.
type SuspectedGap struct {
	Newest int64  `json:"newest"`         // the greatest stamp before the jump
	NS     int64  `json:"ns"`             // stamp of the line after it
	Before uint64 `json:"before"`         // hash of the line before the jump
	After  uint64 `json:"after"`          // hash of the line after it
	Tries  int    `json:"vain,omitempty"` // how often the log held neither line

	Rests position.Rests `json:"ends,omitempty"` // with which the log may begin in place of the line before
}
