package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// known are the configuration's keys, one block per line: `path: keys`. A key without a line of its own holds a value or
// a block that is not looked into. Blocks that upstream reads loosely (receivers, remote_write) have no line.
const known = `
app.Config: target auth_enabled multitenancy_enabled shutdown_delay stream_over_http_enabled http_api_prefix enable_go_runtime_metrics span_profiling memory server internal_server distributor metrics_generator_client live_store_client querier query_frontend metrics_generator ingest block_builder storage overrides memberlist usage_report cache backend_scheduler backend_scheduler_client backend_worker live_store
server: http_listen_network http_listen_address http_listen_port http_listen_conn_limit grpc_listen_network grpc_listen_address grpc_listen_port tls_cipher_suites tls_min_version http_tls_config grpc_tls_config register_instrumentation graceful_shutdown_timeout http_server_read_timeout http_server_write_timeout http_server_idle_timeout grpc_server_max_recv_msg_size grpc_server_max_send_msg_size log_format log_level log_request_headers http_path_prefix
server.http_tls_config: cert key client_ca cert_file key_file client_auth_type client_ca_file
server.grpc_tls_config: cert key client_ca cert_file key_file client_auth_type client_ca_file
distributor: ring receivers override_ring_key log_received_spans log_discarded_spans metric_received_spans forwarders usage kafka_config retry_after_on_resource_exhausted max_attribute_bytes artificial_delay
live_store: ring partition_ring metrics commit_interval wal query_block_concurrency complete_block_timeout complete_block_concurrency block_reclaim_grace shutdown_marker_dir flush_check_period flush_op_timeout max_trace_live max_trace_idle max_live_traces_bytes max_block_duration max_block_bytes readiness_target_lag readiness_max_wait fail_on_high_lag remove_owner_on_shutdown
backend_scheduler: work maintenance_interval backend_flush_interval provider job_timeout local_work_path
backend_worker: backend_scheduler_addr backoff compaction override_ring_key ring finish_on_shutdown_timeout
backend_worker.compaction: compaction_window max_compaction_objects max_block_bytes block_retention compacted_block_retention retention_concurrency max_time_per_tenant compaction_cycle
query_frontend: max_outstanding_per_tenant querier_forget_delay max_batch_size max_retries search trace_by_id metrics multi_tenant_queries_enabled response_consumers weights mcp_server api_timeout url_deny_list max_grpc_streaming_packet_size max_query_expression_size_bytes allowed_headers rf1_after query_end_cutoff skip_ast_transformations
querier: search trace_by_id metrics partition_ring extra_query_delay max_concurrent_queries frontend_worker shuffle_sharding_ingesters_enabled shuffle_sharding_ingesters_lookback_period query_relevant_ingesters secondary_ingester_ring
storage: trace
storage.trace: pool wal block search blocklist_poll blocklist_poll_concurrency blocklist_poll_tenant_concurrency blocklist_poll_fallback blocklist_poll_tenant_index_builders blocklist_poll_stale_tenant_index blocklist_poll_jitter_ms blocklist_poll_tolerate_consecutive_errors blocklist_poll_tolerate_tenant_failures empty_tenant_deletion_enabled empty_tenant_deletion_age backend local gcs s3 azure cache background_cache memcached redis
storage.trace.local: path
storage.trace.s3: tls_cert_path tls_key_path tls_ca_path tls_server_name tls_insecure_skip_verify tls_cipher_suites tls_min_version bucket prefix endpoint region access_key secret_key session_token insecure part_size hedge_requests_at hedge_requests_up_to retry_max_attempts retry_backoff_initial retry_backoff_max signature_v2 forcepathstyle enable_dual_stack bucket_lookup_type tags storage_class metadata native_aws_auth_enabled list_blocks_concurrency sse
metrics_generator: ring processor registry storage metrics_ingestion_time_range_slack override_ring_key ring_mode codec limiter_type ingest_concurrency instance_id leave_consumer_group_on_shutdown
metrics_generator.processor: service_graphs span_metrics host_info
metrics_generator.registry: collection_interval stale_duration external_labels inject_tenant_id_as max_label_name_length max_label_value_length
metrics_generator.storage: path wal remote_write_flush_deadline remote_write_add_org_id_header remote_write
overrides: defaults per_tenant_override_config per_tenant_override_period user_configurable_overrides enable_legacy_overrides
overrides.defaults: ingestion read compaction metrics_generator forwarders global storage cost_attribution
overrides.defaults.compaction: block_retention compaction_window compaction_disabled
overrides.defaults.metrics_generator: ring_size processors max_active_series max_active_entities collection_interval disable_collection generate_native_histograms trace_id_label_name remote_write_headers forwarder processor ingestion_time_range_slack native_histogram_bucket_factor native_histogram_max_bucket_number native_histogram_min_reset_duration span_name_sanitization max_cardinality_per_label
usage_report: reporting_enabled backoff
`

// Config is the configuration file, read by dotted path.
type Config struct{ root map[string]any }

func loadConfig(path string, expand bool) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("failed to read configFile %s: %w", path, err)
	}
	if expand {
		text = []byte(os.Expand(string(text), os.Getenv))
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("failed to parse configFile %s: %w", path, err)
	}
	config := &Config{root: map[string]any{}}
	if len(document.Content) == 0 {
		return config, nil
	}
	if found := unknownKeys(document.Content[0], "", schema()); len(found) > 0 {
		lines := "yaml: unmarshal errors:\n  " + strings.Join(found, "\n  ")
		return nil, fmt.Errorf("failed to parse configFile %s: %w", path, errors.New(lines))
	}
	return config, document.Content[0].Decode(&config.root)
}

func schema() map[string]map[string]bool {
	blocks := map[string]map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(known), "\n") {
		name, keys, _ := strings.Cut(line, ": ")
		if name == "app.Config" {
			name = ""
		}
		blocks[name] = map[string]bool{}
		for _, key := range strings.Fields(keys) {
			blocks[name][key] = true
		}
	}
	return blocks
}

func unknownKeys(node *yaml.Node, path string, blocks map[string]map[string]bool) []string {
	keys, strict := blocks[path]
	if !strict || node.Kind != yaml.MappingNode {
		return nil
	}
	var found []string
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if !keys[key.Value] {
			kind := "app.Config"
			if path != "" {
				kind = path + ".Config"
			}
			found = append(found, fmt.Sprintf("line %d: field %s not found in type %s", key.Line, key.Value, kind))
			continue
		}
		below := key.Value
		if path != "" {
			below = path + "." + below
		}
		found = append(found, unknownKeys(node.Content[i+1], below, blocks)...)
	}
	return found
}

// at is the value a dotted path names, nil where there is none.
func (c *Config) at(path string) any {
	var here any = c.root
	for _, step := range strings.Split(path, ".") {
		block, ok := here.(map[string]any)
		if !ok {
			return nil
		}
		here = block[step]
	}
	return here
}

func (c *Config) text(path, otherwise string) string {
	if value := c.at(path); value != nil {
		return fmt.Sprint(value)
	}
	return otherwise
}

func (c *Config) truth(path string) bool { return c.text(path, "false") == "true" }

func (c *Config) duration(path string, otherwise time.Duration) time.Duration {
	if value, err := time.ParseDuration(c.text(path, "")); err == nil {
		return value
	}
	return otherwise
}

// strings is a list of texts.
func (c *Config) strings(path string) []string {
	var result []string
	items, _ := c.at(path).([]any)
	for _, item := range items {
		result = append(result, fmt.Sprint(item))
	}
	return result
}

// warnings are what makes -config.verify=true fail although the process would start.
func (c *Config) warnings() []string {
	var found []string
	poll := c.duration("storage.trace.blocklist_poll", 5*time.Minute)
	if c.duration("backend_worker.compaction.block_retention", 336*time.Hour) < poll {
		found = append(found, "backend_worker.compaction.compacted_block_timeout < storage.trace.blocklist_poll")
	}
	if c.duration("live_store.complete_block_timeout", 20*time.Minute) < poll {
		found = append(found, "live_store.complete_block_timeout < storage.trace.blocklist_poll")
	}
	for _, which := range []string{"received", "discarded"} {
		if c.truth("distributor.log_" + which + "_spans.enabled") {
			found = append(found, "Span logging is enabled. This is for debugging only.")
		}
	}
	if c.truth("query_frontend.mcp_server.enabled") {
		found = append(found, "c.Frontend.MCPServer.Enabled is enabled.")
	}
	if c.truth("storage.trace.s3.native_aws_auth_enabled") {
		found = append(found, "c.StorageConfig.Trace.S3.NativeAWSAuthEnabled is deprecated.")
	}
	return found
}
