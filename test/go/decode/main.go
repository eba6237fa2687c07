// Decodes documents that dayjob wrote, as the Go package jobs (cheekybits/jobs) does: with its types and mgo's bson.
// Reads documents as hex, one a line; prints what it found as JSON, one a line.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"gopkg.in/mgo.v2/bson"
)

// Status, Try and J are those of the Go package.
type Status int8

type Try struct {
	Runner string    `json:"runner" bson:"runner"`
	When   time.Time `json:"when" bson:"when"`
	Err    string    `json:"err,omitempty" bson:"err,omitempty"`
}

type J struct {
	ID            bson.ObjectId          `bson:"_id" json:"id"`
	Status        Status                 `json:"status"`
	Tries         []*Try                 `json:"tries"`
	Created       time.Time              `json:"created"`
	RunAt         time.Time              `json:"runat" bson:"runat"`
	Data          map[string]interface{} `json:"data" bson:"data"`
	Retries       int
	RetryInterval time.Duration
	Kind          string
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		raw, err := hex.DecodeString(lines.Text())
		if err != nil {
			fail(err)
		}
		var job J
		if err := bson.Unmarshal(raw, &job); err != nil {
			fail(err)
		}
		if err := out.Encode(job); err != nil {
			fail(err)
		}
	}
	if err := lines.Err(); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
