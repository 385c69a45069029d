// Command tempo stands in for Grafana Tempo 3.0 in tests, where no release of it can be had.
//
// It is a monolithic Tempo as its users see it: strict configuration keys, -config.verify=true, readiness, OTLP by gRPC
// and HTTP, traces by id, search after the cut-off, blocks on a local folder or S3, span metrics and service graphs by
// remote write with exemplars, a write-ahead log that a SIGKILL outruns, and the SIGTERM that hangs after a query.
// Its blocks are its own; no other Tempo reads them.
package main

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// version is set by -ldflags "-X main.version=…".
var version = "3.0.0"

// value is a flag that needs a value, also a boolean one: `-config.verify` alone is an error, as upstream has it.
type value string

func (v *value) String() string     { return string(*v) }
func (v *value) Set(s string) error { *v = value(s); return nil }

func main() {
	var file, verify, expand, target value
	var show, health bool
	var url string
	flag.Var(&file, "config.file", "Configuration file to load")
	flag.Var(&verify, "config.verify", "Verify configuration and exit")
	flag.Var(&expand, "config.expand-env", "Whether to expand environment variables in config file")
	flag.Var(&target, "target", "target module")
	flag.BoolVar(&show, "version", false, "Print this builds version information")
	flag.BoolVar(&health, "health", false, "Run a health check against the /ready endpoint and exit")
	flag.StringVar(&url, "health.url", "http://localhost:3200/ready", "URL to check when running health check")
	flag.Parse()
	if show {
		fmt.Printf("tempo, version %s (branch: stand-in, revision: stand-in)\n", version)
		return
	}
	if health {
		os.Exit(askHealth(url))
	}
	config, err := loadConfig(string(file), expand == "true")
	if err != nil {
		fmt.Fprintf(os.Stderr, "failed parsing config: %v\n", err)
		os.Exit(1)
	}
	warnings := config.warnings()
	for _, warning := range warnings {
		slog.Warn(warning)
	}
	if checking, _ := strconv.ParseBool(string(verify)); checking {
		if len(warnings) > 0 {
			os.Exit(1)
		}
		return
	}
	if err := run(config); err != nil {
		slog.Error("error running Tempo", "err", err)
		os.Exit(1)
	}
}

func askHealth(url string) int {
	answer, err := http.Get(url)
	if err != nil {
		return 1
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	if answer.StatusCode != http.StatusOK {
		return 1
	}
	return 0
}

// run serves until SIGTERM or SIGINT.
func run(config *Config) error {
	backend, err := openBackend(config)
	if err != nil {
		return fmt.Errorf("error initialising module: store: %w", err)
	}
	store, err := openStore(config, backend)
	if err != nil {
		return fmt.Errorf("failed to start live-store: %w", err)
	}
	generator, err := newGenerator(config)
	if err != nil {
		return fmt.Errorf("error initialising module: metrics-generator: %w", err)
	}
	api := newAPI(config, store)
	if err := api.listen(); err != nil {
		return err
	}
	receivers, err := startReceivers(config, func(batch []*ResourceSpans) {
		store.add(batch, time.Now())
		generator.observe(batch)
	})
	if err != nil {
		return fmt.Errorf("failed to start distributor: %w", err)
	}
	go store.keep()
	go generator.write()
	api.ready.Store(true)
	slog.Info("Tempo started", "version", version)

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
	slog.Info("=== received SIGINT/SIGTERM ===")
	api.ready.Store(false)
	time.Sleep(config.duration("shutdown_delay", 0))
	receivers.stop()
	if err := store.cut(); err != nil {
		return err
	}
	// The backend worker waits even when it has nothing to do.
	time.Sleep(config.duration("backend_worker.finish_on_shutdown_timeout", 30*time.Second))
	if api.asked(25 * time.Second) {
		slog.Info("waiting for the query frontend's request queue")
		select {} // all traces are on disk; the process ends by SIGKILL only
	}
	return nil
}
