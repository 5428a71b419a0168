// Command image writes an OCI image layout, as a tar file, that holds one
// statically linked program and the authorities that Mozilla trusts: no shell,
// no package manager, nothing else to keep up to date.
//
//	image -out vigie-oci.tar -version 1.2.3 -time 1760000000 PROGRAM
//
// The image is loaded with `skopeo copy oci-archive:FILE ...` or `podman load`.
package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// nobody is the user in the image; /etc/vigie and /var/lib/vigie are mounted.
const nobody = 65534

func main() {
	out := flag.String("out", "", "Tar file to write.")
	version := flag.String("version", "", "Version of the program.")
	revision := flag.String("revision", "", "Commit that it was built from.")
	at := flag.Int64("time", 0, "Time of everything in the image, seconds since 1970.")
	flag.Parse()
	if err := write(flag.Arg(0), *out, *version, *revision, time.Unix(*at, 0).UTC()); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func write(program, out, version, revision string, at time.Time) error {
	text, err := files(program, at)
	if err != nil {
		return err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{
		Created: v1.Time{Time: at}, OS: "linux", Architecture: runtime.GOARCH,
		RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{
			User: fmt.Sprint(nobody), Entrypoint: []string{"/usr/bin/vigie"}, Cmd: []string{"serve"},
			ExposedPorts: map[string]struct{}{"9095/tcp": {}}, Volumes: map[string]struct{}{"/var/lib/vigie": {}},
			Env: []string{"PATH=/usr/bin", "VIGIE_CONFIG=/etc/vigie/vigie.yml"},
			Labels: map[string]string{
				"org.opencontainers.image.title": "vigie", "org.opencontainers.image.version": version,
				"org.opencontainers.image.revision": revision, "org.opencontainers.image.licenses": "Apache-2.0",
			},
		},
	})
	if err != nil {
		return err
	}
	image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{Created: v1.Time{Time: at}, CreatedBy: "make release"}})
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "vigie-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	if err := path.AppendImage(image, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": version})); err != nil {
		return err
	}
	// What no tool would load is not written; read back, since that is what tools see.
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	if image, err = path.Image(digest); err != nil {
		return err
	}
	if err := validate.Image(image); err != nil {
		return err
	}
	return archive(dir, out, at)
}

// files are the image's one layer.
func files(program string, at time.Time) ([]byte, error) {
	binary, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var authorities bytes.Buffer
	for root := range bundle.Roots() {
		if err := pem.Encode(&authorities, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			return nil, err
		}
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range []struct {
		name string
		mode int64
		own  int
		text []byte
	}{
		{"etc/", 0o755, 0, nil}, {"etc/passwd", 0o644, 0, []byte(fmt.Sprintf("nobody:x:%d:%d:nobody:/:/sbin/nologin\n", nobody, nobody))},
		{"etc/ssl/", 0o755, 0, nil}, {"etc/ssl/certs/", 0o755, 0, nil}, {"etc/ssl/certs/ca-certificates.crt", 0o644, 0, authorities.Bytes()},
		{"etc/vigie/", 0o755, 0, nil}, {"tmp/", 0o1777, 0, nil},
		{"usr/", 0o755, 0, nil}, {"usr/bin/", 0o755, 0, nil}, {"usr/bin/vigie", 0o755, 0, binary},
		{"var/", 0o755, 0, nil}, {"var/lib/", 0o755, 0, nil}, {"var/lib/vigie/", 0o700, nobody, nil},
	} {
		h := &tar.Header{Name: f.name, Mode: f.mode, Uid: f.own, Gid: f.own, Size: int64(len(f.text)), ModTime: at, Typeflag: tar.TypeReg}
		if f.text == nil {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.text); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// archive writes a folder as a tar file, in the order of names.
func archive(dir, out string, at time.Time) error {
	file, err := os.Create(out)
	if err != nil {
		return err
	}
	defer file.Close()
	w := tar.NewWriter(file)
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: filepath.ToSlash(rel), Mode: 0o644, Size: int64(len(text)), ModTime: at, Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	})
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return file.Close()
}
