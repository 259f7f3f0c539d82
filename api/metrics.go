package api

import (
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"selvage/registry"
)

// Metrics are the figures of one process: requests, stages, verdicts, the build and the
// Go runtime. Give Observe and Matched to the registry's Config before the Server is made.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	stages   *prometheus.HistogramVec
	inFlight prometheus.Gauge
	verdicts *prometheus.CounterVec
}

// NewMetrics registers the figures with reg; nil means a registry of their own. It panics
// if they are registered there already.
func NewMetrics(reg *prometheus.Registry) *Metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	m := &Metrics{
		registry: reg,
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "selvage_http_request_duration_seconds", Help: "Time to answer a request, by route template, method and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}, []string{"route", "method", "status"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "selvage_stage_duration_seconds", Help: "Time of one stage of registering or matching.",
			Buckets: []float64{.0001, .0005, .001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"stage"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "selvage_http_requests_in_flight", Help: "Requests being answered.",
		}),
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "selvage_matches_total", Help: "Answered queries, by verdict.",
		}, []string{"verdict"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "selvage_build_info", Help: "Always 1; the labels say what is running.", ConstLabels: buildLabels(),
	})
	build.Set(1)
	reg.MustRegister(m.requests, m.stages, m.inFlight, m.verdicts, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, v := range []registry.Verdict{registry.Identical, registry.Copy, registry.Part, registry.Alike, registry.None, registry.Insufficient} {
		m.verdicts.WithLabelValues(string(v))
	}
	return m
}

func buildLabels() prometheus.Labels {
	l := prometheus.Labels{"version": "unknown", "revision": "unknown", "goversion": runtime.Version()}
	if b, ok := debug.ReadBuildInfo(); ok {
		l["version"] = b.Main.Version
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" {
				l["revision"] = s.Value
			}
		}
	}
	return l
}

// Observe records the duration of one stage. It is safe for concurrent use.
func (m *Metrics) Observe(stage string, d time.Duration) {
	m.stages.WithLabelValues(stage).Observe(d.Seconds())
}

// Handler serves the figures in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

func (m *Metrics) request(route, method string, status int, d time.Duration) {
	if route == "" {
		route = "none"
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		method = "other"
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Observe(d.Seconds())
}

// Matched counts an answered query. It is safe for concurrent use.
func (m *Metrics) Matched(r *registry.MatchReport) {
	m.verdicts.WithLabelValues(string(r.Verdict)).Inc()
}
