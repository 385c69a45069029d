package main

import (
	"fmt"
	"log/slog"
	"math"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
)

// bounds of the latency histograms in seconds.
var bounds = []float64{0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384, math.Inf(1)}

// series is one time series; exemplar: trace id and value of the last observation that fell into it.
type series struct {
	labels   map[string]string
	value    float64
	traceID  string
	exemplar float64
	seen     time.Time
}

// Generator makes span metrics and service graphs and writes them to Prometheus.
type Generator struct {
	targets  []*remote
	every    time.Duration
	external map[string]string
	label    string // of the trace id in exemplars
	enabled  map[string]bool

	mutex  sync.Mutex
	series map[string]*series
	waits  map[string]waiting // spans whose other side is not here yet, by trace and span id
}

// waiting is one side of a request between two services.
type waiting struct {
	service string
	client  bool
	seconds float64
	failed  bool
	at      time.Time
}

func newGenerator(config *Config) (*Generator, error) {
	generator := &Generator{
		every:    config.duration("metrics_generator.registry.collection_interval", 15*time.Second),
		external: map[string]string{},
		label:    config.text("overrides.defaults.metrics_generator.trace_id_label_name", "traceID"),
		enabled:  map[string]bool{},
		series:   map[string]*series{},
		waits:    map[string]waiting{},
	}
	for _, name := range config.strings("overrides.defaults.metrics_generator.processors") {
		if !slices.Contains([]string{"service-graphs", "span-metrics", "host-info"}, name) {
			return nil, fmt.Errorf("unknown processor %s", name)
		}
		generator.enabled[name] = true
	}
	labels, _ := config.at("metrics_generator.registry.external_labels").(map[string]any)
	for name, value := range labels {
		generator.external[name] = fmt.Sprint(value)
	}
	hostname, _ := os.Hostname()
	generator.external["__metrics_gen_instance"] = config.text("metrics_generator.instance_id", hostname)
	targets, _ := config.at("metrics_generator.storage.remote_write").([]any)
	for _, item := range targets {
		target, err := newRemote(&Config{root: item.(map[string]any)})
		if err != nil {
			return nil, err
		}
		generator.targets = append(generator.targets, target)
	}
	return generator, os.MkdirAll(config.text("metrics_generator.storage.path", os.TempDir()), 0o750)
}

func (g *Generator) observe(all []*ResourceSpans) {
	if len(g.targets) == 0 {
		return
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for _, resource := range all {
		service := attribute(resource.Resource.GetAttributes(), "service.name")
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				seconds := float64(span.EndTimeUnixNano-span.StartTimeUnixNano) / 1e9
				if g.enabled["span-metrics"] {
					labels := map[string]string{"service": service, "span_name": span.Name, "span_kind": span.Kind.String(),
						"status_code": span.GetStatus().GetCode().String()}
					g.add("traces_spanmetrics_calls_total", labels, 1, "", 0)
					g.add("traces_spanmetrics_size_total", labels, 100, "", 0)
					g.histogram("traces_spanmetrics_latency", labels, seconds, fmt.Sprintf("%x", span.TraceId))
				}
				if g.enabled["service-graphs"] {
					g.graph(service, span, seconds)
				}
			}
		}
	}
}

// graph pairs a client span with the server span below it.
func (g *Generator) graph(service string, span *trace.Span, seconds float64) {
	failed := span.GetStatus().GetCode() == trace.Status_STATUS_CODE_ERROR
	me := waiting{service, span.Kind == trace.Span_SPAN_KIND_CLIENT, seconds, failed, time.Now()}
	key := string(span.TraceId)
	switch span.Kind {
	case trace.Span_SPAN_KIND_CLIENT:
		key += string(span.SpanId)
	case trace.Span_SPAN_KIND_SERVER:
		if len(span.ParentSpanId) == 0 {
			g.edge(waiting{service: "user"}, me, "virtual_node", fmt.Sprintf("%x", span.TraceId))
			return
		}
		key += string(span.ParentSpanId)
	default:
		return
	}
	other, there := g.waits[key]
	if !there || other.client == me.client {
		g.waits[key] = me
		return
	}
	delete(g.waits, key)
	if me.client {
		me, other = other, me
	}
	g.edge(other, me, "", fmt.Sprintf("%x", span.TraceId))
}

func (g *Generator) edge(client, server waiting, kind, traceID string) {
	labels := map[string]string{"client": client.service, "server": server.service}
	if kind != "" {
		labels["connection_type"] = kind
	}
	g.add("traces_service_graph_request_total", labels, 1, "", 0)
	if client.failed || server.failed {
		g.add("traces_service_graph_request_failed_total", labels, 1, "", 0)
	}
	g.histogram("traces_service_graph_request_server_seconds", labels, server.seconds, traceID)
	g.histogram("traces_service_graph_request_client_seconds", labels, max(client.seconds, server.seconds), traceID)
}

func (g *Generator) histogram(name string, labels map[string]string, seconds float64, traceID string) {
	g.add(name+"_count", labels, 1, "", 0)
	g.add(name+"_sum", labels, seconds, "", 0)
	fell := false
	for _, bound := range bounds {
		below := map[string]string{"le": strings.Replace(strconv.FormatFloat(bound, 'g', -1, 64), "+Inf", "+Inf", 1)}
		for key, value := range labels {
			below[key] = value
		}
		switch {
		case seconds > bound:
			g.add(name+"_bucket", below, 0, "", 0)
		case !fell:
			fell = true
			g.add(name+"_bucket", below, 1, traceID, seconds)
		default:
			g.add(name+"_bucket", below, 1, "", 0)
		}
	}
}

func (g *Generator) add(name string, labels map[string]string, value float64, traceID string, exemplar float64) {
	full := map[string]string{"__name__": name}
	for key, value := range g.external {
		full[key] = value
	}
	for key, value := range labels {
		full[key] = value
	}
	names := make([]string, 0, len(full))
	for key := range full {
		names = append(names, key+"\x00"+full[key])
	}
	sort.Strings(names)
	id := strings.Join(names, "\x01")
	one := g.series[id]
	if one == nil {
		one = &series{labels: full}
		g.series[id] = one
	}
	one.value += value
	if traceID != "" {
		one.traceID, one.exemplar, one.seen = traceID, exemplar, time.Now()
	}
}

// write sends all series once per collection interval.
func (g *Generator) write() {
	for range time.Tick(g.every) {
		g.mutex.Lock()
		body := encode(g.series, g.label, time.Now())
		for key, item := range g.waits {
			if time.Since(item.at) > 10*time.Second {
				delete(g.waits, key)
			}
		}
		g.mutex.Unlock()
		for _, target := range g.targets {
			if err := target.send(body); err != nil {
				slog.Warn("remote write failed", "url", target.url, "err", err)
			}
		}
	}
}
