# What is printed: what whyred's probes want to know of a machine on which a runner's job failed. Nothing is written.
# Of environments only the variables in w_keys; of files only those in this text, and of those that hold secrets only
# what w_shown lets through. Everything that may be printed, and every program that is started, is named here.
#
#   sh probe.sh [PATH...] > OUTPUT     PATH: files and folders that the failing log names

w_keys="TMPDIR TMP TEMP HOME USER PATH SHELL LANG LC_ALL TZ XDG_RUNTIME_DIR XDG_CACHE_HOME BASH_ENV ENV
  CARGO_HOME CARGO_TARGET_DIR CARGO_NET_OFFLINE RUSTUP_HOME RUSTC_WRAPPER SCCACHE_DIR SCCACHE_SERVER_PORT
  SCCACHE_SERVER_UDS SSL_CERT_FILE SSL_CERT_DIR GIT_SSL_CAINFO NODE_EXTRA_CA_CERTS REQUESTS_CA_BUNDLE CURL_CA_BUNDLE
  http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY CARGO_HTTP_PROXY PIP_PROXY
  npm_config_proxy npm_config_https_proxy CARGO_HTTP_CAINFO PIP_CERT AWS_CA_BUNDLE NIX_SSL_CERT_FILE npm_config_cafile
  NPM_CONFIG_CAFILE NODE_OPTIONS GOPROXY GOFLAGS GOPATH MAVEN_ARGS npm_config_offline NPM_CONFIG_OFFLINE PIP_NO_INDEX
  UV_OFFLINE YARN_ENABLE_NETWORK ACTIONS_CACHE_URL ACTIONS_RESULTS_URL LD_PRELOAD LD_LIBRARY_PATH FAKETIME
  FAKETIME_TIMESTAMP_FILE"
w_folder_keys="TMPDIR TMP TEMP HOME CARGO_HOME CARGO_TARGET_DIR SCCACHE_DIR XDG_RUNTIME_DIR"
w_files="/proc/stat /proc/uptime /proc/meminfo /proc/loadavg /proc/vmstat /proc/locks /proc/mounts
  /proc/sys/fs/file-nr /proc/sys/fs/inotify/max_user_watches /proc/sys/fs/inotify/max_user_instances
  /proc/sys/kernel/pid_max /proc/sys/kernel/threads-max /etc/os-release"
w_stamps="/var/lib/systemd/timesync/clock /usr/lib/clock-epoch /var/lib/dpkg/status /var/lib/rpm /etc/hostname
  /etc/machine-id /etc/resolv.conf /var/log/wtmp /usr/bin/env"
w_process_files="mountinfo status limits cgroup uid_map gid_map stat timens_offsets cmdline comm oom_score_adj net/tcp
  net/tcp6 net/udp net/udp6 net/route net/ipv6_route net/fib_trie net/if_inet6"
w_process_links="cwd exe root ns/mnt ns/user ns/pid ns/net ns/time"
w_group_files="memory.events memory.max memory.current memory.oom_control memory.usage_in_bytes memory.failcnt
  memory.limit_in_bytes pids.current pids.max pids.events"
w_seen_files="/etc/passwd /etc/group /etc/resolv.conf /etc/hosts /etc/nsswitch.conf
  /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem
  /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem /run/systemd/resolve/io.systemd.Resolve"
w_seen_folders="/etc/ssl/certs /usr/local/share/ca-certificates /etc/pki/ca-trust/source/anchors"
w_settings="/etc/gitconfig /etc/pip.conf /etc/npmrc /etc/environment /etc/profile.d/proxy.sh"
w_home_settings=".gitconfig .config/git/config .curlrc .npmrc .config/pip/pip.conf .pip/pip.conf .cargo/config.toml
  .cargo/config .config/go/env .config/uv/uv.toml .m2/settings.xml"
w_home_folders=".cargo/registry/cache go/pkg/mod/cache/download .npm/_cacache/index-v5 .m2/repository"
w_harmless="TMPDIR|TMP|TEMP|HOME|PATH|LANG|TZ|SHELL|CARGO_HOME|RUSTUP_HOME"
w_file_systems=" ext2 ext3 ext4 xfs btrfs f2fs zfs bcachefs jfs nilfs2 tmpfs overlay vfat exfat ntfs3 virtiofs 9p "
w_unit_facts=LoadState,PrivateTmp,PrivateTmpEx,DynamicUser,EnvironmentFiles,ReadWritePaths,ProtectSystem
w_unit_facts=$w_unit_facts,ExecMainStartTimestamp,FragmentPath,DropInPaths,NeedDaemonReload
w_journal_kinds='OOM killer|^Out of memory|emory cgroup out of memory|Main process exited|Scheduled restart|Stopp(ing|ed) '
w_journal_kinds=$w_journal_kinds'|shutdown|unregistered runner|registration|label|fetch task|Declare|instance server'
w_journal_kinds=$w_journal_kinds'|logs (are lost|are submitted)|final (logs|status|job logs)'
w_tools="bash git node python3 cargo rustc cc"
w_tab=$(printf '\t') w_line='
'
w_number=0

# w_tell QUESTION [ARGUMENT...]: the question, each of its arguments behind a blank, then the answer.
w_tell() {
  w_tell_by "$1" "$@"
}

# w_tell_by WAY QUESTION [ARGUMENT...]: the answer comes by another function than the question's own.
w_tell_by() {
  w_number=$((w_number + 1))
  echo "
$w_mark ? $w_number $2"
  w_way=$1
  shift 2
  [ $# -eq 0 ] || printf ' %s\n' "$@"
  w_ask "$w_number" "$w_way" "$@"
}

# A program, for two seconds where there is `timeout`; what it prints on standard error is the answer's error.
w_run() {
  command -v "$1" >/dev/null || { w_err='no such program'; return 1; }
  w_err=$($w_timeout "$@" 2>&1 >&4 </dev/null)
  w_status=$?
  return 0
}

# journalctl's lines of the kinds that count; of the others that they are there.
w_journal() {
  command -v "$1" >/dev/null || { w_err='no such program'; return 1; }
  w_err=$({ $w_timeout "$@" </dev/null | sed -E "/$w_journal_kinds/!s/.*/{\"MESSAGE\":\"\"}/" >&4; } 2>&1)
  w_status=0
}

# w_variables FILE KEY...: as w_environ, but of SCHEME://USER:PASSWORD@HOST, and of a proxy's USER:PASSWORD@HOST, no user.
w_variables() {
  w_value=$(w_environ "$@" && echo .) || { w_environ "$@"; return 1; }
  w_name= w_bytes=' '
  for w_byte in ${w_value%.} =; do
    case $w_byte in
      =)
        case $w_bytes$w_name in
          *' 3a 2f 2f '*' 40 '*) w_bytes="${w_bytes%%' 2f 2f '*} 2f 2f 2a 40 ${w_bytes##*' 40 '}" ;;
          *' 40 '*70726f7879 | *' 40 '*50524f5859) w_bytes="2a 40 ${w_bytes##*' 40 '}" ;;
        esac
        # shellcheck disable=SC2086 # the bytes are words
        [ -z "$w_name" ] || printf '%s\n' "= $w_name" $w_bytes
        w_name= w_bytes=' ' ;;
      ???*) w_name=$w_byte ;;
      *) w_bytes="$w_bytes$w_byte " ;;
    esac
  done
}

# Files that may hold secrets, without them. Of a registration everything but the token; of a configuration the names,
# and the values of places and numbers; of an env file the names; of a tool's settings the lines that name a proxy, an
# authority or `offline`.
w_registration() {
  [ -f "$1" ] || { w_read "$1"; return; }
  w_err=$(sed -E 's/("[^"]*([Tt]oken|[Ss]ecret|[Pp]assword)[^"]*"[[:blank:]]*:[[:blank:]]*)"([^"\]|\\.)*"/\1"masked"/g' \
    <"$1" 2>&1 >&4)
}

w_configuration() {
  [ -f "$1" ] || { w_read "$1"; return; }
  w_plain="file|capacity|timeout|shutdown_timeout|env_file|labels|workdir_parent|dir|host|level|log|url|uuid|name"
  w_err=$(sed -nE -e 's#//[^/@[:blank:]]*@#//***@#g' -e "/^ *($w_plain|$w_harmless) *:/{p;d;}" \
    -e '/^ *[A-Za-z0-9_.-]+ *: *(#.*)?$/{p;d;}' -e 's/^( *(- )?[A-Za-z0-9_.-]+ *:) +[{].*/\1 {}/p;t' \
    -e 's/^( *(- )?[A-Za-z0-9_.-]+ *:) .*/\1 masked/p;t' -e '/^ *- /p' <"$1" 2>&1 >&4)
}

w_env_file() {
  [ -f "$1" ] || { w_read "$1"; return; }
  w_err=$(sed -nE -e "/^($w_harmless)=/{p;d;}" -e 's/^([A-Za-z_][A-Za-z0-9_]*)=.*/\1=masked/p' <"$1" 2>&1 >&4)
}

w_shown() {
  [ -f "$1" ] || { w_read "$1"; return; }
  w_told='(export[[:blank:]]+)?([Hh][Tt][Tt][Pp][Ss]?[-_.]?)?[Pp][Rr][Oo][Xx][Yy][[:blank:]]*[=: 	]|sslCAInfo|ca(cert|file|info)'
  w_told="^[[:blank:]]*($w_told|cert[[:blank:]]*=|(net\\.)?offline|no[-_]index|GOPROXY=off|GOFLAGS=.*-mod=vendor)|<offline>"
  w_err=$(sed -nE -e 's#//[^/@[:blank:]]*@#//***@#g' -e 's#([=[:blank:]])[^/@[:blank:]=][^/@[:blank:]]*@#\1***@#g' \
    -e "\\#$w_told#p" <"$1" 2>&1 >&4)
}

# w_once WAY QUESTION ARGUMENT
w_once() {
  case $w_looked in *"$w_line$2 $3$w_line"*) return ;; esac
  w_looked=$w_looked$w_line$2\ $3$w_line
  w_tell_by "$@"
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

# w_walk ROOT PATH [names|file|tool]: the way to a path as a process with this root goes it, link by link, and its end.
w_walk() {
  w_at= w_left=$2 w_hops=0 w_end=$1$2
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
      [ -e "$1$w_at" ] || break
    fi
  done
  w_end=$1${w_at:-/}
  [ "$3" != tool ] && [ "$3" != file ] || return 0
  [ -z "${w_left#/}" ] || w_end=$w_end/${w_left#/}
  w_look L "$w_end"
  w_mounts=/proc/self/mountinfo
  case $1 in /proc/*) w_mounts=${1%/root}/mountinfo ;; esac
  case $w_of_space in
    yes) w_tell space "$w_end" "$w_mounts" ;;
    *) w_tell space_by_df "$w_end" "$w_mounts" ;;
  esac
  [ -z "$3" ] || [ ! -d "$w_end" ] || w_once names names "$w_end"
}

# w_file ROOT PATH WAY: a file as a process with this root sees it.
w_file() {
  w_walk "$1" "$2" file
  [ ! -f "$w_end" ] || w_once "$3" read "$w_end"
}

# w_spaces PID ROOT: of each file system that can be written to and does not hang.
w_spaces() {
  while read -r w_row w_row w_row w_row w_folder w_rest; do
    w_kind=${w_rest##* - } w_kind=${w_kind%% *}
    case $w_file_systems in *" $w_kind "*) ;; *) continue ;; esac
    case $w_of_space in
      yes) w_once space space "$2$w_folder" "/proc/$1/mountinfo" ;;
      *) w_once space_by_df space_by_df "$2$w_folder" "/proc/$1/mountinfo" ;;
    esac
  done <"/proc/$1/mountinfo"
}

w_hex() {
  printf %s "$1" | od -An -v -tx1 | tr -d ' \n'
}

# w_trusted PATH: whether nobody but root and who runs this can have put a program there; it is not started otherwise.
w_trusted() {
  w_part=$1
  while [ -n "$w_part" ]; do
    # shellcheck disable=SC2012 # of ls the first four fields are asked
    ls -ldn -- "$w_part" | {
      read -r w_mode w_row w_owner w_gid w_row
      case $w_mode in
        l* | *[tT]) ;;
        ?????w*) [ "$w_uid" != 0 ] || [ "$w_gid" = 0 ] || exit 1 ;;
      esac
      case $w_mode in l* | *[tT]) ;; ????????w*) exit 1 ;; esac
      [ "$w_owner" = 0 ] || [ "$w_owner" = "$w_uid" ]
    } || return 1
    w_part=${w_part%/*}
  done
}

# w_search ROOT PATH: where the tools are, as a process with this PATH finds them; those that the host has in the same
# place are asked for their version.
w_search() {
  for w_tool in $w_tools; do
    w_rest=$2: w_first=
    while [ -n "$w_rest" ]; do
      w_folder=${w_rest%%:*} w_rest=${w_rest#*:}
      case $w_folder in /*) ;; *) continue ;; esac
      w_walk "$1" "${w_folder%/}/$w_tool" tool
      if [ -z "$w_first" ] && [ -f "$w_end" ] && [ -x "$w_end" ]; then w_first=${w_folder%/}/$w_tool w_real=$w_end; fi
    done
    [ -n "$w_first" ] && [ -x "$w_first" ] || continue
    w_look L "$w_first"
    w_look L "${w_real%/*}/rustup"
    case $w_looked in *"$w_line"run\ "$w_first$w_line"*) continue ;; esac
    if w_trusted "$w_first" && w_trusted "${w_real#"$1"}"; then
      w_looked=$w_looked${w_line}run\ $w_first$w_line
      w_tell run "$w_first" --version
    fi
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
    w_below=${1%/}
    while :; do
      for w_file in $w_group_files; do
        w_once read read "$w_top$w_below/$w_file"
      done
      [ -n "$w_below" ] || break
      w_below=${w_below%/*}
    done
  done
}

# w_process NUMBER ROOT
w_process() {
  for w_file in $w_process_files; do
    w_tell read "/proc/$1/$w_file"
  done
  w_spaces "$1" "$2"
  for w_file in $w_process_links; do
    w_tell link "/proc/$1/$w_file"
  done
  w_tell names "/proc/$1/fd"
  # shellcheck disable=SC2086 # the keys are words
  w_tell_by variables environ "/proc/$1/environ" $w_hex_keys
  w_seen=
  while IFS=: read -r w_row w_controllers w_path; do
    case $w_seen in *" $w_path "*) continue ;; esac
    w_seen="$w_seen $w_path "
    w_group "$w_path"
  done <"/proc/$1/cgroup"
  w_walk "$2" / ''
  for w_folder in /tmp /var/tmp; do
    w_walk "$2" "$w_folder" names
    case $w_looked in *"${w_line}find $w_end$w_line"*) continue ;; esac
    w_looked=$w_looked${w_line}find\ $w_end$w_line
    [ ! -d "$w_end" ] || w_tell run find "$w_end/" -xdev -mindepth 1 -maxdepth 3 -printf '%d %U %u %b %T@ %P\0'
  done
  w_values "/proc/$1/environ" "$w_folder_keys" | while IFS= read -r w_folder; do
    case $w_folder in /*) w_walk "$2" "$w_folder" ;; esac
  done
  w_search "$2" "$(w_values "/proc/$1/environ" PATH)"
  return 0
}

# w_given ROOT CWD PATH WAY: a file that a daemon was given, from its working directory on.
w_given() {
  case $3 in /*) w_file "$1" "$3" "$4" ;; ?*) w_file "$1" "$2/$3" "$4" ;; esac
}

# w_setting KEY: its value in the configuration file that w_end is.
w_setting() {
  sed -nE "s/^ *$1 *: *[\"']?([^\"'#]*[^\"'# ]).*/\\1/p" <"$w_config"
}

# w_daemon PID ROOT: the files that a process with this root sees, and those of a runner.
w_daemon() {
  for w_path in $w_seen_files; do
    w_file "$2" "$w_path" read
  done
  w_once read read "$2/etc/ld.so.preload"
  for w_path in $w_seen_folders; do
    w_once names names "$2$w_path"
  done
  for w_path in "$2"/usr/local/share/ca-certificates/* "$2"/etc/pki/ca-trust/source/anchors/*; do
    [ ! -f "$w_path" ] || w_once read read "$w_path"
  done
  w_home=$(w_values "/proc/$1/environ" HOME)
  for w_path in $w_settings $w_home_settings; do
    case $w_path in /*) w_file "$2" "$w_path" shown ;; *) [ -z "$w_home" ] || w_file "$2" "$w_home/$w_path" shown ;; esac
  done
  for w_path in $w_home_folders; do
    [ -z "$w_home" ] || w_walk "$2" "$w_home/$w_path" names
  done
  w_words "$1" "$2" "$(tr '\000' '\n' <"/proc/$1/cmdline")"
}

# w_words PID ROOT LINES: what the words of its command line lead to.
w_words() {
  w_cwd=$(readlink -- "/proc/$1/cwd") w_root=$2 w_config= w_last= w_below=$w_cwd
  w_separators=$IFS IFS=$w_line
  set -f
  for w_word in $3; do
    case $w_word in */bin/Runner.Listener) w_below=${w_word%/bin/Runner.Listener} ;; esac
    case $w_last in -c | --config) w_config=$w_word ;; esac
    case $w_word in --config=* | -c=*) w_config=${w_word#*=} ;; esac
    w_last=$w_word
  done
  set +f
  IFS=$w_separators
  w_walk "$2" "$w_cwd" ''
  w_given "$2" "$w_below" .runner registration
  w_given "$2" "$w_below" .env env_file
  w_given "$2" "$w_below" .path read
  w_walk "$2" "$w_below/_work" ''
  for w_path in .cache/act .cache/actcache; do
    [ -z "$w_home" ] || w_walk "$2" "$w_home/$w_path" ''
  done
  [ -n "$w_config" ] || return 0
  w_given "$2" "$w_cwd" "$w_config" configuration
  w_config=$w_end
  [ -f "$w_config" ] && [ -r "$w_config" ] || return 0
  w_given "$2" "$w_cwd" "$(w_setting file)" registration
  w_given "$2" "$w_cwd" "$(w_setting env_file)" env_file
  for w_word in workdir_parent dir; do
    w_path=$(w_setting "$w_word")
    case $w_path in /*) w_walk "$2" "$w_path" '' ;; ?*) w_walk "$2" "$w_cwd/$w_path" '' ;; esac
  done
}

# Deleted files that are held open: the links of /proc that lead to them, then what they take.
w_deleted() {
  set -- find /proc -mindepth 1 -maxdepth 3 '(' -path '/proc/[0-9]*/fd/*' -lname '* (deleted)' ')'
  set -- "$@" -printf '%p -> %l\0' -o '(' -path '/proc/[0-9]*' '(' '!' -path '/proc/*/*' -o -path '/proc/[0-9]*/fd' ')' ')'
  w_tell run "$@" -o -prune
  # shellcheck disable=SC2046 # the names are numbers
  set -- $($w_timeout find /proc -mindepth 3 -maxdepth 3 -path '/proc/[0-9]*/fd/*' -lname '* (deleted)' 2>/dev/null)
  [ $# -eq 0 ] || [ $# -gt 400 ] || w_tell run find -L "$@" -maxdepth 0 -type f -printf '%D %i %s %b %p\0'
}

w_is_runner() {
  case $1 in
    *forgejo-runner*daemon* | *act_runner*daemon* | *act-runner*daemon* | *gitea-runner*daemon*) return 0 ;;
    *Runner.Listener*run* | *whyred-runner* | *runner*daemon* | *sccache) return 0 ;;
  esac
  return 1
}

# What goes wrong is part of the answers; a vanished process would fill the terminal with messages of the shell.
exec 9>&2
if (: >/dev/null) 2>&-; then exec 2>/dev/null; fi
w_timeout= w_looked= w_uid=$(id -u)
if timeout 2 true >/dev/null 2>&1; then w_timeout='timeout 2'; fi
w_tell hello
w_tell run date +%s.%N
w_tell run date -u +%s
w_tell run timedatectl show -p NTPSynchronized
w_tell run chronyc -n tracking
w_tell run ss -Htlnpe
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
w_daemon self ''
for w_path in $w_stamps; do
  w_look L "$w_path"
done
w_home=$(w_values /proc/self/environ RUSTUP_HOME)
w_look L "${w_home:-$(w_values /proc/self/environ HOME)/.rustup}/settings.toml"
w_process 1 /proc/1/root
w_deleted

# The runners, and what they started: 64 processes at most.
w_found= w_units=
for w_folder in /proc/[0-9]*; do
  { w_argv=$(cat "$w_folder/cmdline"); } 2>/dev/null
  if w_is_runner "$w_argv" && [ "${w_folder#/proc/}" != "$w_self" ]; then w_found="$w_found ${w_folder#/proc/}"; fi
done 2>/dev/null
w_daemons=$w_found w_round=0
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
  case " $w_daemons " in *" $w_pid "*) w_daemon "$w_pid" "$w_root" ;; esac
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
  w_tell_by journal run journalctl --no-pager --all --reverse --output=json --output-fields=MESSAGE --lines=2000 \
    --since=-24h "--unit=$w_unit"
done
for w_path do
  w_walk '' "$w_path" names
done
echo "
$w_mark end" || echo 'The output could not be written to its end: is the disk full?' >&9
