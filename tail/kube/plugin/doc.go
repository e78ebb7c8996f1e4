// Package plugin runs the exec credential plugins of kubeconfigs. client-go has that, too, but gives a plugin no context: one that
// hangs could not be ended, and would hold up whoever else runs one. What a plugin is given and what it may answer is as client-go has
// it (TestAsClientGo), and the types are client-go's.
//
// A run makes one Runner, and has a Plugin of it for each cluster whose kubeconfig asks for one. A plugin runs when there are no credentials, or
// they have expired or were refused; whoever needs them then waits for the same process, as long as its own context allows. So a user
// may take longer over a login than a request may take.
package plugin
