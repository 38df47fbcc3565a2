// A runner as the real ones speak: protobuf over the Connect protocol, requests and answers compressed.
// It takes one task, sends the rows that stand on standard input, one a line, and ends the task well.
// A row `{{secret}}` becomes the value of the task's first secret, which a real runner would mask.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	runnerv1 "code.gitea.io/actions-proto-go/runner/v1"
	"code.gitea.io/actions-proto-go/runner/v1/runnerv1connect"
	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const perCall = 7

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	url, token := os.Args[1], os.Args[2]
	uuid, secret := "", ""
	sign := connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			req.Header().Set("x-runner-uuid", uuid)
			req.Header().Set("x-runner-token", secret)
			return next(ctx, req)
		}
	})
	client := runnerv1connect.NewRunnerServiceClient(http.DefaultClient, url+"/api/actions",
		connect.WithInterceptors(sign), connect.WithSendGzip(), connect.WithCompressMinBytes(200))
	ctx := context.Background()

	made, err := client.Register(ctx, connect.NewRequest(&runnerv1.RegisterRequest{
		Name: "packed", Token: token, Version: "v1", Labels: []string{"host"}}))
	check(err)
	uuid, secret = made.Msg.Runner.Uuid, made.Msg.Runner.Token
	_, err = client.Declare(ctx, connect.NewRequest(&runnerv1.DeclareRequest{Version: "v1", Labels: []string{"host"}}))
	check(err)

	var task *runnerv1.Task
	for task == nil {
		got, err := client.FetchTask(ctx, connect.NewRequest(&runnerv1.FetchTaskRequest{}))
		check(err)
		task = got.Msg.Task
		time.Sleep(100 * time.Millisecond)
	}
	value := ""
	for _, v := range task.Secrets {
		if len(v) > len(value) && !strings.HasPrefix(v, task.Context.Fields["token"].GetStringValue()) {
			value = v
		}
	}

	started := timestamppb.Now()
	state := &runnerv1.TaskState{Id: task.Id, StartedAt: started, Steps: []*runnerv1.StepState{{Id: 0, StartedAt: started, LogIndex: 1}}}
	var rows []*runnerv1.LogRow
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 1<<20)
	for input.Scan() {
		text := strings.ReplaceAll(input.Text(), "{{secret}}", value)
		rows = append(rows, &runnerv1.LogRow{Time: timestamppb.Now(), Content: text})
	}
	for sent := int64(0); sent < int64(len(rows)); {
		end := min(sent+perCall, int64(len(rows)))
		from := max(0, sent-2) // some are sent again, as after an answer that was lost
		told, err := client.UpdateLog(ctx, connect.NewRequest(&runnerv1.UpdateLogRequest{
			TaskId: task.Id, Index: from, Rows: rows[from:end], NoMore: end == int64(len(rows))}))
		check(err)
		sent = told.Msg.AckIndex
		state.Steps[0].LogLength = sent - 1
		_, err = client.UpdateTask(ctx, connect.NewRequest(&runnerv1.UpdateTaskRequest{State: state}))
		check(err)
	}
	state.Result, state.StoppedAt = runnerv1.Result_RESULT_SUCCESS, timestamppb.Now()
	state.Steps[0].Result, state.Steps[0].StoppedAt = state.Result, state.StoppedAt
	state.Steps[0].LogLength = int64(len(rows)) - 2
	_, err = client.UpdateTask(ctx, connect.NewRequest(&runnerv1.UpdateTaskRequest{
		State: state, Outputs: map[string]string{"key": "canary-output"}}))
	check(err)
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{"task": task.Id, "token": secret, "uuid": uuid, "secret": value}))
}
