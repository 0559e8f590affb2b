package bench

import (
	"context"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Figures are what one lane came to. What is not known on this machine or server is zero.
type Figures struct {
	Rate    float64 `json:"keysPerSecond"`
	Server  float64 `json:"serverMicrosPerKey"` // CPU of the server's main thread
	Client  float64 `json:"clientMicrosPerKey"` // CPU of this process
	Wire    float64 `json:"bytesPerKey"`        // to the server and back
	Peak    int64   `json:"peakBytes"`          // of this process
	Longest int64   `json:"longestScriptMicros"`
	Stall   int64   `json:"longestReadMicros"` // of one key: what the machine adds to whatever the server does
}

// clocks is what the clocks show at one moment.
type clocks struct {
	at     time.Time
	client time.Duration
	server float64 // seconds
	wire   float64 // bytes
	script int64   // microseconds
	stall  int64   // microseconds
}

// meter measures one run of one lane.
type meter struct {
	server *server
	began  clocks
	passed *Figures // of the pass that writes, once it ended
	keys   int
}

// begin starts to measure work on so many keys, with a clean heap.
func (s *server) begin(ctx context.Context, keys int) (*meter, error) {
	debug.FreeOSMemory()
	forgetPeak()
	if s.own {
		if err := s.client.ConfigResetStat(ctx).Err(); err != nil {
			return nil, err
		}
	}
	began, err := s.read(ctx)
	return &meter{server: s, began: began, keys: keys}, err
}

// now returns the figures since the beginning.
func (m *meter) now(ctx context.Context) (Figures, error) {
	r, err := m.server.read(ctx)
	n := float64(m.keys)
	f := Figures{
		Rate:    n / r.at.Sub(m.began.at).Seconds(),
		Server:  (r.server - m.began.server) * 1e6 / n,
		Client:  float64(r.client-m.began.client) / float64(time.Microsecond) / n,
		Wire:    (r.wire - m.began.wire) / n,
		Peak:    peakMemory(),
		Longest: r.script,
		Stall:   r.stall,
	}
	return f, err
}

// pass marks the end of the pass that writes; what comes after is its verification. Only the first mark counts.
func (m *meter) pass(ctx context.Context) error {
	if m.passed != nil {
		return nil
	}
	f, err := m.now(ctx)
	m.passed = &f
	return err
}

// read asks the server. The clocks of this process are read before it answers at the end, after it at the beginning:
// the question itself takes far less than a lane.
func (s *server) read(ctx context.Context) (clocks, error) {
	r := clocks{at: time.Now(), client: processorTime()}
	pipe := s.client.Pipeline()
	var sections []*redis.StringCmd
	for _, name := range []string{"cpu", "stats", "latencystats"} {
		sections = append(sections, pipe.Info(ctx, name))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return r, fmt.Errorf("asking the server for INFO: %w", cause(err))
	}
	known := map[string]float64{}
	for _, section := range sections {
		for line := range strings.Lines(section.Val()) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			number, err := strconv.ParseFloat(strings.TrimPrefix(value, "p100="), 64)
			if err == nil {
				known[name] = number
			}
		}
	}
	r.server = known["used_cpu_user_main_thread"] + known["used_cpu_sys_main_thread"]
	r.wire = known["total_net_input_bytes"] + known["total_net_output_bytes"]
	r.script = int64(max(known["latency_percentiles_usec_evalsha"], known["latency_percentiles_usec_eval"]))
	r.stall = int64(max(known["latency_percentiles_usec_hgetall"], known["latency_percentiles_usec_getrange"], known["latency_percentiles_usec_get"]))
	return r, nil
}
