package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// API answers queries, readiness and metrics.
type API struct {
	config    *Config
	store     *Store
	ready     atomic.Bool
	lastQuery atomic.Int64
	cutoff    time.Duration
}

func newAPI(config *Config, store *Store) *API {
	return &API{config: config, store: store, cutoff: config.duration("query_frontend.query_end_cutoff", 30*time.Second)}
}

// asked tells whether a query was served within that time.
func (a *API) asked(within time.Duration) bool {
	return time.Since(time.UnixMilli(a.lastQuery.Load())) < within
}

func (a *API) listen() error {
	prefix := a.config.text("http_api_prefix", "")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ready", func(answer http.ResponseWriter, _ *http.Request) {
		if !a.ready.Load() {
			http.Error(answer, "Ingester not ready: not ready", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(answer, "ready")
	})
	mux.HandleFunc("GET /metrics", a.metrics)
	mux.HandleFunc("GET "+prefix+"/api/echo", func(answer http.ResponseWriter, _ *http.Request) { fmt.Fprint(answer, "echo") })
	mux.HandleFunc("GET "+prefix+"/api/status/buildinfo", func(answer http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(answer).Encode(map[string]string{"version": version})
	})
	mux.HandleFunc("GET "+prefix+"/api/traces/{id}", a.query(func(answer http.ResponseWriter, question *http.Request) {
		a.byID(answer, question, "batches", false)
	}))
	mux.HandleFunc("GET "+prefix+"/api/v2/traces/{id}", a.query(func(answer http.ResponseWriter, question *http.Request) {
		a.byID(answer, question, "resourceSpans", true)
	}))
	mux.HandleFunc("GET "+prefix+"/api/search", a.query(a.search))
	protection, err := protect(a.config, "server.http_tls_config", "client_ca_file")
	if err != nil {
		return fmt.Errorf("error starting server: %w", err)
	}
	address := net.JoinHostPort(a.config.text("server.http_listen_address", ""), a.config.text("server.http_listen_port", "3200"))
	if _, err = serve(address, mux, protection); err != nil {
		return fmt.Errorf("error starting server: %w", err)
	}
	inner := net.JoinHostPort(a.config.text("server.grpc_listen_address", ""), a.config.text("server.grpc_listen_port", "9095"))
	// Nobody but Tempo itself talks there: taken, and answered by nothing.
	_, err = serve(inner, http.NotFoundHandler(), nil)
	return err
}

// query notes that a query was served, which makes a SIGTERM soon after it hang.
func (a *API) query(next http.HandlerFunc) http.HandlerFunc {
	return func(answer http.ResponseWriter, question *http.Request) {
		if a.config.truth("multitenancy_enabled") && question.Header.Get("X-Scope-OrgID") == "" {
			http.Error(answer, "no org id", http.StatusUnauthorized)
			return
		}
		next(answer, question)
		a.lastQuery.Store(time.Now().UnixMilli())
	}
}

func (a *API) byID(answer http.ResponseWriter, question *http.Request, list string, wrapped bool) {
	text := question.PathValue("id")
	id, err := hex.DecodeString(strings.Repeat("0", max(0, 32-len(text))) + text)
	if err != nil || len(id) != 16 {
		http.Error(answer, "trace IDs can only contain hex characters: invalid trace id", http.StatusBadRequest)
		return
	}
	spans := a.store.find(string(id))
	if spans == nil {
		http.Error(answer, "trace not found", http.StatusNotFound)
		return
	}
	found := &trace.TracesData{ResourceSpans: spans}
	if question.Header.Get("Accept") == "application/protobuf" && !wrapped {
		body, _ := proto.Marshal(found)
		answer.Header().Set("Content-Type", "application/protobuf")
		_, _ = answer.Write(body)
		return
	}
	body, err := protojson.Marshal(found)
	if err != nil {
		http.Error(answer, err.Error(), http.StatusInternalServerError)
		return
	}
	result := strings.Replace(string(body), `"resourceSpans":`, `"`+list+`":`, 1)
	if wrapped {
		result = `{"trace":` + result + `,"metrics":{}}`
	}
	answer.Header().Set("Content-Type", "application/json")
	_, _ = answer.Write([]byte(result))
}

// found is one trace of a search's answer.
type found struct {
	TraceID   string `json:"traceID"`
	Service   string `json:"rootServiceName,omitempty"`
	Name      string `json:"rootTraceName,omitempty"`
	Start     string `json:"startTimeUnixNano"`
	Millis    uint64 `json:"durationMs,omitempty"`
	startNano uint64
}

func (a *API) search(answer http.ResponseWriter, question *http.Request) {
	form := question.URL.Query()
	matches, err := parseTraceQL(form.Get("q"))
	if err != nil {
		http.Error(answer, "invalid TraceQL query: "+err.Error(), http.StatusBadRequest)
		return
	}
	second := func(name string, otherwise int64) int64 {
		if value, err := strconv.ParseInt(form.Get(name), 10, 64); err == nil {
			return value
		}
		return otherwise
	}
	limit := int(second("limit", 20))
	from, to := second("start", 0)*1e9, second("end", 1<<33)*1e9
	to = min(to, time.Now().Add(-a.cutoff).UnixNano())
	var traces []found
	a.store.each(func(id string, spans []*ResourceSpans) bool {
		if item, ok := describe(id, spans, matches, uint64(from), uint64(to)); ok {
			traces = append(traces, item)
		}
		return true
	})
	slices.SortFunc(traces, func(one, other found) int { return int(int64(other.startNano) - int64(one.startNano)) })
	if len(traces) > limit {
		traces = traces[:limit]
	}
	answer.Header().Set("Content-Type", "application/json")
	result := map[string]any{"metrics": map[string]any{}}
	if traces != nil {
		result["traces"] = traces
	}
	_ = json.NewEncoder(answer).Encode(result)
}

// describe sums a trace up, false where no span of it matches within the time.
func describe(id string, all []*ResourceSpans, matches matcher, from, to uint64) (found, bool) {
	result, hit, end := found{TraceID: strings.TrimLeft(hex.EncodeToString([]byte(id)), "0")}, false, uint64(0)
	for _, resource := range all {
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				if result.startNano == 0 || span.StartTimeUnixNano < result.startNano {
					result.startNano = span.StartTimeUnixNano
				}
				end = max(end, span.EndTimeUnixNano)
				if len(span.ParentSpanId) == 0 {
					result.Service, result.Name = attribute(resource.Resource.GetAttributes(), "service.name"), span.Name
				}
				hit = hit || matches(resource, span) && span.StartTimeUnixNano >= from && span.StartTimeUnixNano <= to
			}
		}
	}
	result.Start, result.Millis = strconv.FormatUint(result.startNano, 10), (end-result.startNano)/1e6
	return result, hit
}

func (a *API) metrics(answer http.ResponseWriter, _ *http.Request) {
	a.store.mutex.RLock()
	spans, traces := a.store.spans, len(a.store.traces)
	a.store.mutex.RUnlock()
	answer.Header().Set("Content-Type", "text/plain; version=0.0.4")
	fmt.Fprintf(answer, "# TYPE tempo_build_info gauge\ntempo_build_info{version=%q,branch=\"stand-in\"} 1\n", version)
	fmt.Fprintf(answer, "# TYPE tempo_distributor_spans_received_total counter\n")
	fmt.Fprintf(answer, "tempo_distributor_spans_received_total{tenant=%q} %d\n", tenant, spans)
	fmt.Fprintf(answer, "# TYPE tempo_live_store_traces gauge\ntempo_live_store_traces{tenant=%q} %d\n", tenant, traces)
}
