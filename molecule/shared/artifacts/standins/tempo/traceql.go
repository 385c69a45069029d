package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
)

// matcher tells whether a span is asked for.
type matcher func(resource *ResourceSpans, span *trace.Span) bool

var (
	spanset   = regexp.MustCompile(`^\s*\{(.*)\}\s*$`)
	condition = regexp.MustCompile(`^\s*([A-Za-z_.:][\w.:/-]*)\s*(!=|>=|<=|=~|!~|=|>|<)\s*("(?:[^"\\]|\\.)*"|` + "`[^`]*`" + `|[\w.]+)\s*$`)
)

// parseTraceQL understands one spanset whose conditions are joined by &&.
func parseTraceQL(text string) (matcher, error) {
	if strings.TrimSpace(text) == "" {
		return func(*ResourceSpans, *trace.Span) bool { return true }, nil
	}
	inner := spanset.FindStringSubmatch(text)
	if inner == nil {
		return nil, fmt.Errorf("parse error at line 1, col 1: syntax error in %q", text)
	}
	var all []matcher
	if strings.TrimSpace(inner[1]) != "" {
		for _, part := range strings.Split(inner[1], "&&") {
			one, err := parseCondition(part)
			if err != nil {
				return nil, err
			}
			all = append(all, one)
		}
	}
	return func(resource *ResourceSpans, span *trace.Span) bool {
		for _, one := range all {
			if !one(resource, span) {
				return false
			}
		}
		return true
	}, nil
}

func parseCondition(text string) (matcher, error) {
	parts := condition.FindStringSubmatch(text)
	if parts == nil {
		return nil, fmt.Errorf("parse error at line 1, col 1: syntax error near %q", strings.TrimSpace(text))
	}
	field, operator, operand := parts[1], parts[2], parts[3]
	if unquoted, err := strconv.Unquote(operand); err == nil {
		operand = unquoted
	}
	var pattern *regexp.Regexp
	if operator == "=~" || operator == "!~" {
		var err error
		if pattern, err = regexp.Compile("^(?:" + operand + ")$"); err != nil {
			return nil, err
		}
	}
	number, isNumber := numeric(operand)
	return func(resource *ResourceSpans, span *trace.Span) bool {
		value := fieldOf(field, resource, span)
		switch operator {
		case "=":
			return value == operand || equal(value, number, isNumber)
		case "!=":
			return value != "" && value != operand
		case "=~":
			return pattern.MatchString(value)
		case "!~":
			return value != "" && !pattern.MatchString(value)
		}
		have, ok := numeric(value)
		return ok && isNumber && compare(have, number, operator)
	}, nil
}

func equal(value string, number float64, isNumber bool) bool {
	have, ok := numeric(value)
	return ok && isNumber && have == number
}

func compare(have, number float64, operator string) bool {
	switch operator {
	case ">":
		return have > number
	case ">=":
		return have >= number
	case "<":
		return have < number
	}
	return have <= number
}

// numeric reads a number or a duration; durations count in seconds.
func numeric(text string) (float64, bool) {
	if value, err := strconv.ParseFloat(text, 64); err == nil {
		return value, true
	}
	value, err := time.ParseDuration(text)
	return value.Seconds(), err == nil
}

func fieldOf(field string, resource *ResourceSpans, span *trace.Span) string {
	scope, name, _ := strings.Cut(field, ".")
	switch scope {
	case "resource":
		return attribute(resource.Resource.GetAttributes(), name)
	case "span":
		return attribute(span.Attributes, name)
	case "":
		if value := attribute(span.Attributes, name); value != "" {
			return value
		}
		return attribute(resource.Resource.GetAttributes(), name)
	case "name", "span:name":
		return span.Name
	case "duration", "span:duration":
		return time.Duration(span.EndTimeUnixNano - span.StartTimeUnixNano).String()
	case "status", "span:status":
		return strings.ToLower(strings.TrimPrefix(span.GetStatus().GetCode().String(), "STATUS_CODE_"))
	case "kind", "span:kind":
		return strings.ToLower(strings.TrimPrefix(span.Kind.String(), "SPAN_KIND_"))
	case "trace:id":
		return fmt.Sprintf("%x", span.TraceId)
	}
	return ""
}

// attribute is the value of a key as text, "" when it is not there.
func attribute(attributes []*common.KeyValue, key string) string {
	for _, item := range attributes {
		if item.Key == key {
			switch value := item.GetValue().GetValue().(type) {
			case *common.AnyValue_StringValue:
				return value.StringValue
			case *common.AnyValue_IntValue:
				return strconv.FormatInt(value.IntValue, 10)
			case *common.AnyValue_DoubleValue:
				return strconv.FormatFloat(value.DoubleValue, 'g', -1, 64)
			case *common.AnyValue_BoolValue:
				return strconv.FormatBool(value.BoolValue)
			}
		}
	}
	return ""
}
