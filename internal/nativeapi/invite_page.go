package nativeapi

import (
	"embed"
	"net/http"

	"weir/internal/org"
)

// The pages that the links of invites and of password resets lead to: forms that
// make one call of the API.
//
//go:embed pages/join.html pages/join.css pages/join.js pages/reset.html pages/reset.js
var pages embed.FS

// linkedPages are their parts, by path.
var linkedPages = map[string]struct{ file, kind string }{
	org.InvitePage:               {"pages/join.html", "text/html; charset=utf-8"},
	org.InvitePage + "/page.css": {"pages/join.css", "text/css; charset=utf-8"},
	org.InvitePage + "/page.js":  {"pages/join.js", "text/javascript; charset=utf-8"},
	org.ResetPage:                {"pages/reset.html", "text/html; charset=utf-8"},
	org.ResetPage + "/page.js":   {"pages/reset.js", "text/javascript; charset=utf-8"},
}

// withLinkedPages serves the pages, and all else by next. They may load what
// comes from here, talk to nobody else, and stand in no frame.
func withLinkedPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		part, ok := linkedPages[r.URL.Path]
		if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", part.kind)
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		http.ServeFileFS(w, r, pages, part.file)
	})
}
