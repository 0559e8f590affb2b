package cli

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"keyshift.dev/state"
)

// The parts of a SARIF 2.1.0 log that vet fills in, for the code scanning of a forge.
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string      `json:"id"`
		ShortDescription sarifText   `json:"shortDescription"`
		Help             sarifText   `json:"help"`
		Default          sarifConfig `json:"defaultConfiguration"`
	}
	sarifConfig struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	// sarifInvocation holds what has no place in a file: that there is no spec, or that its evaluation was stopped.
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level      string       `json:"level"`
		Message    sarifText    `json:"message"`
		Descriptor sarifPointer `json:"descriptor"`
	}
	sarifPointer struct {
		ID string `json:"id"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Related      []sarifLocation   `json:"relatedLocations,omitempty"`
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		ID       int            `json:"id,omitempty"`
		Physical sarifPhysical  `json:"physicalLocation"`
		Message  *sarifText     `json:"message,omitempty"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI    string `json:"uri"`
		BaseID string `json:"uriBaseId"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
	}
)

const (
	levelError   = "error"
	levelWarning = "warning"
)

// sarif is what vet found, with files named relative to the repository.
func sarif(f findings, l location) sarifLog {
	root := repositoryOf(l.root)
	run := sarifRun{Tool: sarifTool{Driver: sarifDriver{Name: "keyshift", InformationURI: "https://keyshift.dev", Rules: rulesOf(f)}}, Results: []sarifResult{}}
	invocation := sarifInvocation{Successful: true}
	add := func(level string, ds state.Diagnostics) {
		for _, d := range ds {
			if d.Pos.File == "" {
				invocation.Successful = invocation.Successful && level != levelError
				invocation.Notifications = append(invocation.Notifications, sarifNotification{level, sarifText{words(d)}, sarifPointer{d.Code}})
				continue
			}
			run.Results = append(run.Results, resultOf(d, level, run.Tool.Driver.Rules, root))
		}
	}
	add(levelError, f.Errors)
	add(levelWarning, f.Warnings)
	run.Invocations = []sarifInvocation{invocation}
	return sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
}

// words is a diagnostic without its place and its code, which stand elsewhere.
func words(d state.Diagnostic) string {
	return strings.TrimSuffix(state.Diagnostic{Path: d.Path, Message: d.Message, Hint: d.Hint}.String(), " ()")
}

func resultOf(d state.Diagnostic, level string, rules []sarifRule, root string) sarifResult {
	at := sarifLocation{Physical: physical(d.Pos, root)}
	if d.Path != "" {
		at.Logical = []sarifLogical{{d.Path}}
	}
	r := sarifResult{
		RuleID: d.Code, Level: level, Message: sarifText{words(d)}, Locations: []sarifLocation{at},
		RuleIndex:    slices.IndexFunc(rules, func(r sarifRule) bool { return r.ID == d.Code }),
		Fingerprints: map[string]string{"keyshift/v1": fingerprint(d, root)},
	}
	if d.Other.File != "" {
		r.Related = []sarifLocation{{ID: 1, Physical: physical(d.Other, root), Message: &sarifText{"the other"}}}
	}
	return r
}

// fingerprint names a finding without its line, so that it stays the same when lines are added above it.
func fingerprint(d state.Diagnostic, root string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{d.Code, uriOf(d.Pos.File, root), d.Path, d.Message}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

func physical(p state.Pos, root string) sarifPhysical {
	return sarifPhysical{sarifArtifact{uriOf(p.File, root), "%SRCROOT%"}, sarifRegion{p.Line, p.Column}}
}

// uriOf names a file, given relative to the working folder, relative to the repository.
func uriOf(file, root string) string {
	if abs, err := filepath.Abs(filepath.FromSlash(file)); err == nil && root != "" {
		if rel, err := filepath.Rel(root, abs); err == nil {
			file = filepath.ToSlash(rel)
		}
	}
	return (&url.URL{Path: file}).EscapedPath()
}

// repositoryOf returns the folder of the Git repository that holds a folder, or that folder itself.
func repositoryOf(dir string) string {
	for at := dir; at != ""; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, ".git")); err == nil {
			return at
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	return dir
}

// rulesOf lists the codes among what was found, each with its help.
func rulesOf(f findings) []sarifRule {
	out := []sarifRule{}
	add := func(level string, ds state.Diagnostics) {
		for _, d := range ds {
			if slices.ContainsFunc(out, func(r sarifRule) bool { return r.ID == d.Code }) {
				continue
			}
			short := cmp.Or(codes[d.Code], strings.ReplaceAll(d.Code, "-", " "))
			out = append(out, sarifRule{d.Code, sarifText{short}, sarifText{short + ". " + helpOfCodes}, sarifConfig{level}})
		}
	}
	add(levelError, f.Errors)
	add(levelWarning, f.Warnings)
	return out
}
