# What is printed: what whyred's probes want to know of a machine on which a runner's job failed. Nothing is written.
# Of environments only the variables in w_keys; of files only those in this text. Everything that may be printed, and
# every program that is started, is named here.
#
#   sh probe.sh [PATH...] > OUTPUT     PATH: files and folders that the failing log names

w_keys="TMPDIR TMP TEMP HOME USER PATH SHELL LANG LC_ALL TZ XDG_RUNTIME_DIR XDG_CACHE_HOME BASH_ENV ENV
  CARGO_HOME CARGO_TARGET_DIR CARGO_NET_OFFLINE RUSTUP_HOME RUSTC_WRAPPER SCCACHE_DIR SCCACHE_SERVER_PORT
  SCCACHE_SERVER_UDS SSL_CERT_FILE SSL_CERT_DIR GIT_SSL_CAINFO NODE_EXTRA_CA_CERTS REQUESTS_CA_BUNDLE CURL_CA_BUNDLE
  http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY"
w_folder_keys="TMPDIR TMP TEMP HOME CARGO_HOME CARGO_TARGET_DIR SCCACHE_DIR XDG_RUNTIME_DIR"
w_files="/proc/stat /proc/uptime /proc/meminfo /proc/loadavg /proc/vmstat /proc/locks /proc/mounts
  /proc/sys/fs/file-nr /proc/sys/kernel/pid_max /proc/sys/kernel/threads-max /etc/resolv.conf /etc/hosts
  /etc/nsswitch.conf /etc/passwd /etc/group /etc/os-release"
w_process_files="mountinfo status limits cgroup uid_map gid_map stat timens_offsets net/tcp net/tcp6 net/route
  net/if_inet6"
w_process_links="cwd exe root ns/mnt ns/user ns/pid ns/net ns/time"
w_group_files="memory.events memory.max memory.current memory.oom_control memory.usage_in_bytes memory.failcnt
  memory.limit_in_bytes pids.current pids.max pids.events"
w_unit_facts=LoadState,PrivateTmp,PrivateTmpEx,DynamicUser,EnvironmentFiles,ReadWritePaths,ProtectSystem
w_unit_facts=$w_unit_facts,ExecMainStartTimestamp,FragmentPath,DropInPaths
w_tools="bash git node python3 cargo rustc cc"
w_tab=$(printf '\t') w_line='
'
w_number=0

# w_tell QUESTION [ARGUMENT...]: the question, each of its arguments behind a blank, then the answer.
w_tell() {
  w_number=$((w_number + 1))
  echo "
$w_mark ? $w_number $1"
  w_question=$1
  shift
  [ $# -eq 0 ] || printf ' %s\n' "$@"
  w_ask "$w_number" "$w_question" "$@"
}

# A program, for as long as it may take; what it prints on standard error is the answer's error.
w_run() {
  command -v "$1" >/dev/null || { w_err='no such program'; return 1; }
  w_err=$("$@" 2>&1 >&4 </dev/null)
  w_status=$?
  return 0
}

# w_look FOLLOW PATH: once for each.
w_look() {
  case $w_looked in *"$w_line$1 $2$w_line"*) return ;; esac
  w_looked=$w_looked$w_line$1\ $2$w_line
  case $w_by_stat in
    yes) w_tell stat "$1" "$2" ;;
    *) w_tell stat_by_ls "$1" "$2" ;;
  esac
}

# w_walk ROOT PATH [names]: the way to a path as a process with this root goes it, link by link, and its end.
w_walk() {
  w_at= w_left=$2 w_hops=0
  w_look L "$1/"
  while [ -n "$w_left" ]; do
    w_left=${w_left#/}
    w_step=${w_left%%/*}
    w_left=${w_left#"$w_step"}
    case $w_step in
      '' | .) continue ;;
      ..) w_at=${w_at%/*}; continue ;;
    esac
    w_look '' "$1$w_at/$w_step"
    if [ -L "$1$w_at/$w_step" ]; then
      w_tell link "$1$w_at/$w_step"
      w_hops=$((w_hops + 1))
      w_target=$(readlink -- "$1$w_at/$w_step") && [ "$w_hops" -le 40 ] || return 0
      case $w_target in /*) w_at= ;; esac
      w_left=/$w_target$w_left
    else
      w_at=$w_at/$w_step
    fi
  done
  w_end=$1${w_at:-/}
  w_look L "$w_end"
  w_mounts=/proc/self/mountinfo
  case $1 in /proc/*) w_mounts=${1%/root}/mountinfo ;; esac
  case $w_of_space in
    yes) w_tell space "$w_end" "$w_mounts" ;;
    *) w_tell space_by_df "$w_end" "$w_mounts" ;;
  esac
  [ -z "$3" ] || [ ! -d "$w_end" ] || w_tell names "$w_end"
}

w_hex() {
  printf %s "$1" | od -An -v -tx1 | tr -d ' \n'
}

# w_search ROOT PATH: where the tools are, as a process with this PATH finds them.
w_search() {
  for w_tool in $w_tools; do
    w_rest=$2:
    while [ -n "$w_rest" ]; do
      w_folder=${w_rest%%:*} w_rest=${w_rest#*:}
      case $w_folder in /*) ;; *) continue ;; esac
      w_walk "$1" "${w_folder%/}/$w_tool"
      [ ! -f "$w_end" ] || [ ! -x "$w_end" ] || break
    done
    [ -n "$1" ] || [ ! -x "$w_folder/$w_tool" ] || w_tell run "$w_folder/$w_tool" --version
  done
}

# w_values FILE KEYS: the values of variables, one a line, from the bytes that w_environ prints.
w_values() {
  for w_key in $2; do
    w_value=
    for w_byte in $(w_environ "$1" "$(w_hex "$w_key")"); do
      case $w_byte in
        = | ???*) ;;
        *) w_value=$w_value\\$(printf %03o "0x$w_byte") ;;
      esac
    done
    # shellcheck disable=SC2059 # the value is all escapes
    [ -z "$w_value" ] || printf "$w_value\n"
  done
} 2>/dev/null

# w_group NUMBER PATH CONTROLLERS: the counters of a control group and of those above it.
w_group() {
  for w_top in /sys/fs/cgroup /sys/fs/cgroup/memory /sys/fs/cgroup/pids; do
    [ -d "$w_top" ] || continue
    w_below=$1
    while :; do
      for w_file in $w_group_files; do
        [ ! -f "$w_top$w_below/$w_file" ] || w_tell read "$w_top${w_below%/}/$w_file"
      done
      [ -n "${w_below%/}" ] || break
      w_below=${w_below%/*}
    done
  done
}

# w_process NUMBER ROOT
w_process() {
  for w_file in $w_process_files; do
    w_tell read "/proc/$1/$w_file"
  done
  for w_file in $w_process_links; do
    w_tell link "/proc/$1/$w_file"
  done
  w_tell names "/proc/$1/fd"
  # shellcheck disable=SC2086 # the keys are words
  w_tell environ "/proc/$1/environ" $w_hex_keys
  w_seen=
  while IFS=: read -r w_row w_controllers w_path; do
    case $w_seen in *" $w_path "*) continue ;; esac
    w_seen="$w_seen $w_path "
    w_group "$w_path"
  done <"/proc/$1/cgroup"
  w_walk "$2" /tmp names
  w_walk "$2" /var/tmp names
  w_values "/proc/$1/environ" "$w_folder_keys" | while IFS= read -r w_folder; do
    case $w_folder in /*) w_walk "$2" "$w_folder" ;; esac
  done
  w_search "$2" "$(w_values "/proc/$1/environ" PATH)"
  return 0
}

w_is_runner() {
  case $1 in
    *forgejo-runner*daemon* | *act_runner*daemon* | *act-runner*daemon* | *gitea-runner*daemon*) return 0 ;;
    *Runner.Listener*run* | *whyred-runner* | *runner*daemon* | *sccache) return 0 ;;
  esac
  return 1
}

w_tell hello
w_tell run date +%s.%N
w_by_stat=$(stat -c '%f %h %u %g %s %d %i %Y %.9Y' -- / >/dev/null 2>&1 && echo yes)
w_of_space=$(stat -f -c '%S %b %a %c %d' -- / >/dev/null 2>&1 && echo yes)
case $(grep -aH '' "/proc/$$/cmdline" 2>/dev/null) in
  */cmdline:*) w_tell processes ;;
  *) w_tell processes_by_cat ;;
esac
for w_file in $w_files; do
  w_tell read "$w_file"
done
w_hex_keys=
for w_key in $w_keys; do
  w_hex_keys="$w_hex_keys $(w_hex "$w_key")"
done 2>/dev/null
w_self=$$
read -r w_self w_rest </proc/self/stat
w_own_mounts=$(cat /proc/self/mountinfo)
w_process self ''
w_walk '' / names
w_process 1 /proc/1/root

# The runners, and what they started: 64 processes at most.
w_found= w_units=
for w_folder in /proc/[0-9]*; do
  { w_argv=$(cat "$w_folder/cmdline"); } 2>/dev/null
  if w_is_runner "$w_argv" && [ "${w_folder#/proc/}" != "$w_self" ]; then w_found="$w_found ${w_folder#/proc/}"; fi
done 2>/dev/null
w_round=0
while [ "$w_round" -lt 8 ]; do
  w_round=$((w_round + 1)) w_more=
  for w_folder in /proc/[0-9]*; do
    while IFS=":$w_tab" read -r w_key w_rest; do
      [ "$w_key" = PPid ] || continue
      case " $w_found " in *" ${w_folder#/proc/} "*) ;; *" ${w_rest#"$w_tab"} "*) w_more="$w_more ${w_folder#/proc/}" ;; esac
      break
    done <"$w_folder/status"
  done 2>/dev/null
  [ -n "$w_more" ] || break
  w_found="$w_found$w_more"
done
w_count=0
for w_pid in $w_found; do
  w_count=$((w_count + 1))
  [ "$w_count" -le 64 ] || break
  w_root=/proc/$w_pid/root
  [ "$(cat "/proc/$w_pid/mountinfo" 2>/dev/null)" != "$w_own_mounts" ] || w_root=
  w_process "$w_pid" "$w_root"
  while read -r w_row; do
    w_unit=${w_row##*/}
    case $w_unit in
      *.service) case " $w_units " in *" $w_unit "*) ;; *) w_units="$w_units $w_unit" ;; esac ;;
    esac
  done <"/proc/$w_pid/cgroup"
  for w_path do
    w_walk "$w_root" "$w_path" names
  done
done
for w_unit in $w_units; do
  w_tell run systemctl show --no-pager -p "$w_unit_facts" -- "$w_unit"
done
for w_path do
  w_walk '' "$w_path" names
done
echo "
$w_mark end"
