package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/klauspost/compress/snappy"
	"google.golang.org/protobuf/encoding/protowire"
)

// remote is one item of remote_write, in Prometheus' keys.
type remote struct {
	url       string
	exemplars bool
	config    *Config
	client    *http.Client
}

func newRemote(config *Config) (*remote, error) {
	protection := &tls.Config{ServerName: config.text("tls_config.server_name", "")}
	if ca := config.text("tls_config.ca_file", ""); ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		protection.RootCAs = x509.NewCertPool()
		protection.RootCAs.AppendCertsFromPEM(text)
	}
	if file := config.text("tls_config.cert_file", ""); file != "" {
		pair, err := tls.LoadX509KeyPair(file, config.text("tls_config.key_file", ""))
		if err != nil {
			return nil, err
		}
		protection.Certificates = []tls.Certificate{pair}
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: protection}}
	return &remote{config.text("url", ""), config.truth("send_exemplars"), config, client}, nil
}

func (r *remote) secret(inline, file string) string {
	if path := r.config.text(file, ""); path != "" {
		text, _ := os.ReadFile(path)
		return strings.TrimSpace(string(text))
	}
	return r.config.text(inline, "")
}

func (r *remote) send(body func(exemplars bool) []byte) error {
	request, err := http.NewRequest(http.MethodPost, r.url, bytes.NewReader(snappy.Encode(nil, body(r.exemplars))))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	request.Header.Set("Content-Encoding", "snappy")
	request.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	if user := r.config.text("basic_auth.username", ""); user != "" {
		request.SetBasicAuth(user, r.secret("basic_auth.password", "basic_auth.password_file"))
	}
	if token := r.secret("authorization.credentials", "authorization.credentials_file"); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := r.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 200))
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("HTTP %d: %s", answer.StatusCode, text)
	}
	return nil
}

// encode makes a remote write request (prometheus.WriteRequest), with or without exemplars.
func encode(all map[string]*series, label string, now time.Time) func(bool) []byte {
	bodies := map[bool][]byte{}
	for _, exemplars := range []bool{true, false} {
		var body []byte
		for _, one := range all {
			message := appendLabels(nil, one.labels)
			message = appendMessage(message, 2, appendSample(nil, 1, 2, one.value, now))
			if exemplars && one.traceID != "" {
				exemplar := appendLabels(nil, map[string]string{label: one.traceID})
				message = appendMessage(message, 3, appendSample(exemplar, 2, 3, one.exemplar, one.seen))
			}
			body = appendMessage(body, 1, message)
		}
		bodies[exemplars] = body
	}
	return func(exemplars bool) []byte { return bodies[exemplars] }
}

func appendMessage(to []byte, field protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(to, field, protowire.BytesType), message)
}

// appendLabels writes labels as field 1, sorted by name as receivers demand.
func appendLabels(to []byte, labels map[string]string) []byte {
	names := make([]string, 0, len(labels))
	for name := range labels {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		pair := appendMessage(appendMessage(nil, 1, []byte(name)), 2, []byte(labels[name]))
		to = appendMessage(to, 1, pair)
	}
	return to
}

func appendSample(to []byte, valueField, timeField protowire.Number, value float64, at time.Time) []byte {
	to = protowire.AppendFixed64(protowire.AppendTag(to, valueField, protowire.Fixed64Type), math.Float64bits(value))
	return protowire.AppendVarint(protowire.AppendTag(to, timeField, protowire.VarintType), uint64(at.UnixMilli()))
}
