// Package openaiwire knows the shapes of OpenAI's API that weir has to read:
// the head of a request, the usage in a response or a stream, and the error
// envelope.
//
// It reads in place and never re-serialises: a request that must change is
// spliced, so every byte that weir has no business with stays as it came.
// Shapes follow the OpenAPI description 2.3.0 and the official Go client v3.
package openaiwire
