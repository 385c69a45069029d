package main

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// ResourceSpans is OTLP's unit of transport.
type ResourceSpans = trace.ResourceSpans

const tenant = "single-tenant"

// batch is what one push brought of one trace.
type batch struct {
	spans *ResourceSpans
	block string // the block it is in, "" while it is live
}

// Store keeps traces: in memory at once, in the write-ahead log after some seconds, in the backend as blocks.
type Store struct {
	backend   Backend
	wal       string
	cutEvery  time.Duration
	blockAge  time.Duration
	retention time.Duration

	mutex  sync.RWMutex
	traces map[string][]*batch
	live   []*ResourceSpans // not in the write-ahead log yet
	logged []*ResourceSpans // in the log, not in a block yet
	began  time.Time        // of the oldest of logged
	spans  uint64
}

func openStore(config *Config, backend Backend) (*Store, error) {
	store := &Store{
		backend:   backend,
		wal:       filepath.Join(config.text("live_store.wal.path", "/var/tempo/live-store/traces"), "stand-in.wal"),
		cutEvery:  config.duration("live_store.max_trace_idle", 5*time.Second),
		blockAge:  config.duration("live_store.max_block_duration", 30*time.Second),
		retention: config.duration("backend_worker.compaction.block_retention", 336*time.Hour),
		traces:    map[string][]*batch{},
	}
	folders := []string{filepath.Dir(store.wal), config.text("live_store.shutdown_marker_dir", "/var/tempo/live-store/marker"),
		config.text("backend_scheduler.local_work_path", "/var/tempo"), config.text("storage.trace.wal.path", "/var/tempo/wal")}
	for _, folder := range folders {
		if err := os.MkdirAll(folder, 0o750); err != nil {
			return nil, err
		}
	}
	return store, store.load()
}

// load reads what blocks and log hold from earlier runs.
func (s *Store) load() error {
	names, err := s.backend.blocks()
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := s.backend.read(name + "/data.pb")
		if err != nil {
			slog.Warn("block without data", "block", name, "err", err)
			continue
		}
		var all collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(text, &all); err != nil {
			return fmt.Errorf("block %s: %w", name, err)
		}
		s.index(all.ResourceSpans, name)
	}
	text, err := os.ReadFile(s.wal)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	reader := bytes.NewReader(text)
	for {
		var size uint32
		if binary.Read(reader, binary.BigEndian, &size) != nil {
			break
		}
		record := make([]byte, size)
		if _, err := io.ReadFull(reader, record); err != nil {
			break // the last record of a process that was killed
		}
		var all collector.ExportTraceServiceRequest
		if proto.Unmarshal(record, &all) == nil {
			s.index(all.ResourceSpans, "")
			s.logged = append(s.logged, all.ResourceSpans...)
		}
	}
	return nil
}

func (s *Store) add(spans []*ResourceSpans, _ time.Time) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.index(spans, "")
	s.live = append(s.live, spans...)
}

// index files spans under their trace ids; the caller has the lock or is alone.
func (s *Store) index(all []*ResourceSpans, block string) {
	for _, resource := range all {
		split := map[string]*ResourceSpans{}
		for _, scope := range resource.ScopeSpans {
			added := map[string]*trace.ScopeSpans{}
			for _, span := range scope.Spans {
				s.spans++
				id := string(span.TraceId)
				if split[id] == nil {
					split[id] = &ResourceSpans{Resource: resource.Resource, SchemaUrl: resource.SchemaUrl}
				}
				if added[id] == nil {
					added[id] = &trace.ScopeSpans{Scope: scope.Scope, SchemaUrl: scope.SchemaUrl}
					split[id].ScopeSpans = append(split[id].ScopeSpans, added[id])
				}
				added[id].Spans = append(added[id].Spans, span)
			}
		}
		for id, spans := range split {
			s.traces[id] = append(s.traces[id], &batch{spans, block})
		}
	}
}

// find returns a trace, nil when it is not there.
func (s *Store) find(id string) []*ResourceSpans {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	var result []*ResourceSpans
	for _, item := range s.traces[id] {
		result = append(result, item.spans)
	}
	return result
}

// each calls with every trace until told to stop.
func (s *Store) each(visit func(id string, spans []*ResourceSpans) bool) {
	s.mutex.RLock()
	ids := make([]string, 0, len(s.traces))
	for id := range s.traces {
		ids = append(ids, id)
	}
	s.mutex.RUnlock()
	for _, id := range ids {
		if spans := s.find(id); spans != nil && !visit(id, spans) {
			return
		}
	}
}

// keep writes log and blocks as time goes by, and deletes what is too old.
func (s *Store) keep() {
	for range time.Tick(time.Second) {
		if time.Now().Unix()%max(1, int64(s.cutEvery.Seconds())) == 0 {
			if err := s.cut(); err != nil {
				slog.Error("could not write the log", "err", err)
			}
		}
		if err := s.flush(); err != nil {
			slog.Error("could not write a block", "err", err)
		}
		if time.Now().Unix()%30 == 0 {
			s.expire()
		}
	}
}

// cut brings live traces into the write-ahead log.
func (s *Store) cut() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.live) == 0 {
		return nil
	}
	record, err := proto.Marshal(&collector.ExportTraceServiceRequest{ResourceSpans: s.live})
	if err != nil {
		return err
	}
	file, err := os.OpenFile(s.wal, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(record))), record...)); err != nil {
		return err
	}
	if len(s.logged) == 0 {
		s.began = time.Now()
	}
	s.logged, s.live = append(s.logged, s.live...), nil
	return nil
}

// flush makes a block of the log when it is old enough.
func (s *Store) flush() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.logged) == 0 || time.Since(s.began) < s.blockAge {
		return nil
	}
	name, end := newID(), time.Now()
	data, err := proto.Marshal(&collector.ExportTraceServiceRequest{ResourceSpans: s.logged})
	if err != nil {
		return err
	}
	meta, _ := json.Marshal(map[string]any{"format": "stand-in", "blockID": name, "tenantID": tenant, "endTime": end})
	if err := s.backend.write(name+"/data.pb", data); err != nil {
		return err
	}
	if err := s.backend.write(name+"/meta.json", meta); err != nil {
		return err
	}
	for _, items := range s.traces {
		for _, item := range items {
			if item.block == "" {
				item.block = name
			}
		}
	}
	s.logged = nil
	return os.Remove(s.wal)
}

// expire deletes blocks that ended before the retention.
func (s *Store) expire() {
	names, err := s.backend.blocks()
	if err != nil {
		return
	}
	for _, name := range names {
		text, err := s.backend.read(name + "/meta.json")
		var meta struct{ EndTime time.Time }
		if err != nil || json.Unmarshal(text, &meta) != nil || time.Since(meta.EndTime) < s.retention {
			continue
		}
		s.backend.remove(name)
		s.mutex.Lock()
		for id, items := range s.traces {
			var rest []*batch
			for _, item := range items {
				if item.block != name {
					rest = append(rest, item)
				}
			}
			if s.traces[id] = rest; rest == nil {
				delete(s.traces, id)
			}
		}
		s.mutex.Unlock()
	}
}

func newID() string {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw)
	return fmt.Sprintf("%x-%x-%x-%x-%x", raw[:4], raw[4:6], raw[6:8], raw[8:10], raw[10:])
}
