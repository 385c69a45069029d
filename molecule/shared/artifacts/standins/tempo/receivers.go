package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip" // senders compress by default
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const otlp = "distributor.receivers.otlp.protocols."

// Receivers take OTLP by gRPC and HTTP.
type Receivers struct {
	collector.UnimplementedTraceServiceServer
	push func([]*ResourceSpans)
	grpc *grpc.Server
	http *http.Server
}

func startReceivers(config *Config, push func([]*ResourceSpans)) (*Receivers, error) {
	receivers := &Receivers{push: push}
	protocols, _ := config.at(strings.TrimSuffix(otlp, ".")).(map[string]any)
	if _, wanted := protocols["grpc"]; wanted {
		var options []grpc.ServerOption
		protection, err := protect(config, otlp+"grpc.tls", "client_ca_file")
		if err != nil {
			return nil, err
		}
		if protection != nil {
			options = append(options, grpc.Creds(credentials.NewTLS(protection)))
		}
		listener, err := net.Listen("tcp", config.text(otlp+"grpc.endpoint", "localhost:4317"))
		if err != nil {
			return nil, err
		}
		receivers.grpc = grpc.NewServer(options...)
		collector.RegisterTraceServiceServer(receivers.grpc, receivers)
		go receivers.grpc.Serve(listener)
	}
	if _, wanted := protocols["http"]; wanted {
		mux := http.NewServeMux()
		mux.HandleFunc("POST /v1/traces", receivers.post)
		protection, err := protect(config, otlp+"http.tls", "client_ca_file")
		if err != nil {
			return nil, err
		}
		receivers.http, err = serve(config.text(otlp+"http.endpoint", "localhost:4318"), mux, protection)
		if err != nil {
			return nil, err
		}
	}
	return receivers, nil
}

func (r *Receivers) stop() {
	if r.grpc != nil {
		r.grpc.Stop()
	}
	if r.http != nil {
		_ = r.http.Close()
	}
}

// Export is OTLP by gRPC.
func (r *Receivers) Export(_ context.Context, request *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	r.push(request.ResourceSpans)
	return &collector.ExportTraceServiceResponse{}, nil
}

// post is OTLP by HTTP, as protobuf or JSON.
func (r *Receivers) post(answer http.ResponseWriter, question *http.Request) {
	var body io.Reader = question.Body
	if question.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			http.Error(answer, err.Error(), http.StatusBadRequest)
			return
		}
		body = unpacked
	}
	text, err := io.ReadAll(body)
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	var request collector.ExportTraceServiceRequest
	kind := strings.Split(question.Header.Get("Content-Type"), ";")[0]
	switch kind {
	case "application/json":
		if text, err = hexToBase64(text); err == nil {
			err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(text, &request)
		}
	case "application/x-protobuf":
		err = proto.Unmarshal(text, &request)
	default:
		http.Error(answer, "unsupported media type", http.StatusUnsupportedMediaType)
		return
	}
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	r.push(request.ResourceSpans)
	answer.Header().Set("Content-Type", kind)
	if kind == "application/json" {
		_, _ = io.WriteString(answer, `{"partialSuccess":{}}`)
	}
}

// hexToBase64 rewrites ids: OTLP's JSON has them in hexadecimal, protobuf's in base64.
func hexToBase64(text []byte) ([]byte, error) {
	var document any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		return nil, err
	}
	var walk func(any) error
	walk = func(here any) error {
		switch here := here.(type) {
		case []any:
			for _, item := range here {
				if err := walk(item); err != nil {
					return err
				}
			}
		case map[string]any:
			for key, item := range here {
				if id, isText := item.(string); isText && (key == "traceId" || key == "spanId" || key == "parentSpanId") {
					raw, err := hex.DecodeString(id)
					if err != nil {
						return fmt.Errorf("invalid %s: %w", key, err)
					}
					here[key] = base64.StdEncoding.EncodeToString(raw)
				} else if err := walk(item); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := walk(document); err != nil {
		return nil, err
	}
	return json.Marshal(document)
}

// protect reads a TLS block; nil where there is none.
func protect(config *Config, block, clientCA string) (*tls.Config, error) {
	file := config.text(block+".cert_file", "")
	if file == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(file, config.text(block+".key_file", ""))
	if err != nil {
		return nil, err
	}
	result := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if ca := config.text(block+"."+clientCA, ""); ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		result.ClientCAs = x509.NewCertPool()
		if !result.ClientCAs.AppendCertsFromPEM(text) {
			return nil, errors.New("no certificate in " + ca)
		}
		if kind := config.text(block+".client_auth_type", "RequireAndVerifyClientCert"); kind == "RequireAndVerifyClientCert" {
			result.ClientAuth = tls.RequireAndVerifyClientCert
		}
	}
	return result, nil
}

// serve starts an HTTP server, with TLS where protection is given.
func serve(address string, handler http.Handler, protection *tls.Config) (*http.Server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	if protection != nil {
		listener = tls.NewListener(listener, protection)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	return server, nil
}
