// Package asset serves the files that pages need beside themselves, each under a name
// that changes with its contents, so that browsers may keep them for ever.
package asset

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// Files are the files of one folder.
type Files struct {
	files map[string][]byte // by name with its hash
	names map[string]string
}

// New reads a folder that is compiled in.
func New(fsys fs.FS, folder string) *Files {
	a := &Files{files: map[string][]byte{}, names: map[string]string{}}
	all, err := fs.ReadDir(fsys, folder)
	if err != nil {
		panic(err)
	}
	for _, e := range all {
		text, err := fs.ReadFile(fsys, path.Join(folder, e.Name()))
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(text)
		ext := path.Ext(e.Name())
		hashed := strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(sum[:5]) + ext
		a.files[hashed], a.names[e.Name()] = text, hashed
	}
	return a
}

// Path is the address of a file.
func (a *Files) Path(name string) string { return "/static/" + a.names[name] }

// Serve writes the file of that name with its hash.
func (a *Files) Serve(w http.ResponseWriter, r *http.Request, name string) {
	text, known := a.files[name]
	if !known {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(text))
}
