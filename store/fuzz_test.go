package store_test

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"go.uber.org/zap"

	"github.com/jimeng-gateway/jimeng-gateway/store"
)

// A text is stored as it is, found by every part of it and by no other text.
func FuzzText(f *testing.F) {
	st, err := store.Open(f.Context(), "sqlite://"+filepath.Join(f.TempDir(), "gateway.db"), zap.NewNop())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = st.Close() })
	if err := st.EnsureImplicitKeys(f.Context()); err != nil {
		f.Fatal(err)
	}
	f.Add("A paper_boat 100% 慢 \\ '\"", uint16(2), uint16(9), "paper%boat")
	f.Add("İstanbul K ß Ω", uint16(0), uint16(9), "istanbul")
	f.Add("a\\_b", uint16(1), uint16(2), "\\")
	f.Fuzz(func(t *testing.T, prompt string, from, to uint16, other string) {
		if strings.Contains(prompt+other, "\x00") || !utf8.ValidString(prompt) || !utf8.ValidString(other) || len(prompt) > 10_000 || len(other) > 1000 {
			t.Skip("no request has that")
		}
		task := newTask("admin")
		task.Prompt = prompt
		if err := st.Write(t.Context(), store.Relaxed, func(tx *store.Tx) error { return tx.InsertTask(task) }); err != nil {
			t.Fatal(err)
		}
		got, err := st.Task(t.Context(), "", task.ID)
		if err != nil || got.Prompt != prompt {
			t.Errorf("%q became %q, %v", prompt, got.Prompt, err)
		}
		finds := func(text string) bool {
			list, _, err := st.Tasks(t.Context(), store.TaskFilter{IDs: []string{task.ID}, Text: text}, "", 2)
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			return len(list) > 0
		}
		runes := []rune(prompt)
		begin := min(int(from), len(runes))
		if part := string(runes[begin:min(begin+int(to), len(runes), begin+200)]); !finds(part) {
			t.Errorf("%q is not found by %q", prompt, part)
		}
		if other != "" && finds(other) && !strings.Contains(strings.ToLower(prompt+"\n"+task.ID), strings.ToLower(other)) {
			t.Errorf("%q is found by %q", prompt, other)
		}
	})
}
