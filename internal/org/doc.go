// Package org holds the control plane: its nouns, the rules they obey, and the
// store they are kept in.
//
// Every change goes through Service, in one unit of work: the rows, their audit
// events and the change-feed version commit together or not at all. The actor
// says which organization it acts in; nothing outside that organization can be
// read or changed. Whether the actor may do it is decided before (package
// endpoint): Service knows rules, not permissions.
package org
