package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Backend holds blocks: <tenant>/<block>/<file>.
type Backend interface {
	blocks() ([]string, error)
	read(name string) ([]byte, error)
	write(name string, content []byte) error
	remove(block string)
}

func openBackend(config *Config) (Backend, error) {
	switch kind := config.text("storage.trace.backend", ""); kind {
	case "local":
		folder := filepath.Join(config.text("storage.trace.local.path", "/var/tempo/traces"), tenant)
		return localBackend(folder), os.MkdirAll(folder, 0o750)
	case "s3":
		return openS3(config)
	default:
		return nil, fmt.Errorf("unknown backend %s", kind)
	}
}

type localBackend string

func (b localBackend) blocks() ([]string, error) {
	entries, err := os.ReadDir(string(b))
	var names []string
	for _, entry := range entries {
		if _, err := os.Stat(filepath.Join(string(b), entry.Name(), "meta.json")); err == nil {
			names = append(names, entry.Name())
		}
	}
	return names, err
}

func (b localBackend) read(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(b), name))
}

func (b localBackend) write(name string, content []byte) error {
	target := filepath.Join(string(b), name)
	if err := os.MkdirAll(filepath.Dir(target), 0o750); err != nil {
		return err
	}
	return os.WriteFile(target, content, 0o640)
}

func (b localBackend) remove(block string) { _ = os.RemoveAll(filepath.Join(string(b), block)) }

type s3Backend struct {
	client *minio.Client
	bucket string
	prefix string
}

func openS3(config *Config) (Backend, error) {
	key := func(name string) string { return config.text("storage.trace.s3."+name, "") }
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{}
	if ca := key("tls_ca_path"); ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(text)
	}
	chain := credentials.NewChainCredentials([]credentials.Provider{
		&credentials.Static{Value: credentials.Value{AccessKeyID: key("access_key"), SecretAccessKey: key("secret_key")}},
		&credentials.EnvAWS{},
		&credentials.FileAWSCredentials{},
	})
	lookup := minio.BucketLookupAuto
	if config.truth("storage.trace.s3.forcepathstyle") {
		lookup = minio.BucketLookupPath
	}
	client, err := minio.New(key("endpoint"), &minio.Options{Creds: chain, Secure: !config.truth("storage.trace.s3.insecure"),
		Region: key("region"), BucketLookup: lookup, Transport: transport, MaxRetries: 3})
	if err != nil {
		return nil, err
	}
	backend := &s3Backend{client, key("bucket"), path.Join(key("prefix"), tenant)}
	if _, err := backend.blocks(); err != nil {
		return nil, fmt.Errorf("failed to create store: unexpected error from ListObjects on %s: %w", backend.bucket, err)
	}
	return backend, nil
}

func (b *s3Backend) blocks() ([]string, error) {
	var names []string
	options := minio.ListObjectsOptions{Prefix: b.prefix + "/", Recursive: true}
	for object := range b.client.ListObjects(context.Background(), b.bucket, options) {
		if object.Err != nil {
			return nil, object.Err
		}
		if block, isMeta := strings.CutSuffix(object.Key, "/meta.json"); isMeta {
			names = append(names, path.Base(block))
		}
	}
	return names, nil
}

func (b *s3Backend) read(name string) ([]byte, error) {
	object, err := b.client.GetObject(context.Background(), b.bucket, path.Join(b.prefix, name), minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer object.Close()
	return io.ReadAll(object)
}

func (b *s3Backend) write(name string, content []byte) error {
	_, err := b.client.PutObject(context.Background(), b.bucket, path.Join(b.prefix, name), bytes.NewReader(content),
		int64(len(content)), minio.PutObjectOptions{})
	return err
}

func (b *s3Backend) remove(block string) {
	for _, name := range []string{"meta.json", "data.pb"} {
		_ = b.client.RemoveObject(context.Background(), b.bucket, path.Join(b.prefix, block, name), minio.RemoveObjectOptions{})
	}
}
