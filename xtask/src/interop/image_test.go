// Puts our OCI layouts into a registry and has Envoy Gateway's own fetcher unpack them. Put into its package by `cargo xtask interop image`.
package wasm

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	egv1a1 "github.com/envoyproxy/gateway/api/v1alpha1"
	"github.com/envoyproxy/gateway/internal/logging"
)

func TestPromptswitchImage(t *testing.T) {
	dist := os.Getenv("PROMPTSWITCH_DIST")
	module, err := os.ReadFile(filepath.Join(dist, "promptswitch.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(registry.New())
	defer server.Close()
	for _, form := range []string{"image", "artifact"} {
		index, err := layout.ImageIndexFromPath(filepath.Join(dist, "oci", form))
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		image, err := index.Image(manifest.Manifests[0].Digest)
		if err != nil {
			t.Fatal(err)
		}
		url := strings.TrimPrefix(server.URL, "http://") + "/promptswitch/" + form + ":1"
		reference, err := name.ParseReference(url)
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(reference, image); err != nil {
			t.Fatal(err)
		}
		logger := logging.DefaultLogger(os.Stderr, egv1a1.LogLevelInfo)
		fetcher, err := NewImageFetcher(context.Background(), ImageFetcherOption{}, logger)
		if err != nil {
			t.Fatal(err)
		}
		fetch, digest, err := fetcher.PrepareFetch(url)
		if err != nil {
			t.Fatal(err)
		}
		if digest != manifest.Manifests[0].Digest.Hex {
			t.Fatalf("%s: digest %s", form, digest)
		}
		got, err := fetch()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, module) {
			t.Fatalf("%s: %d bytes, not %d", form, len(got), len(module))
		}
	}
}
