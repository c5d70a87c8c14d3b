// Package outbox is the usage log of one node: an append-only log on local disk
// that holds what requests consumed until the events store has it.
//
// It knows two records. An open record says that a request was let through; it
// survives the process (a plain write). A settled record says what the request
// consumed; it survives a power cut (a write and an fdatasync, shared by all
// who settle at the same moment). An open without a settled record is a request
// that the process did not outlive.
//
// The rules that keep it right:
//
//   - Every record has a position: 1, 2, 3, … over the life of the log. A
//     segment file holds consecutive positions and is named for its first.
//   - Everything after the last successful sync is also in memory, the tail.
//     Whatever goes wrong with a file, the tail is written to a fresh segment
//     that says up to where its predecessor counts. Changing segments, getting
//     over a failed disk and starting anew are this one operation, roll.
//   - A fresh segment is complete and synced before it gets its name, so no
//     crash leaves half of one.
//   - What the start finds damaged is cut off only where a crash explains it:
//     at the end of the last segment, after everything known to be synced.
//     Damage anywhere else stops the start.
//
// The files are described in docs/formats/usage-log.md, the choice in
// docs/decisions/0002-usage-outbox-log.md.
package outbox
