# ---- 3b. Where the programs, headers and libraries are that the log names: these are the `names` ----
home_bins=".cargo/bin .local/bin bin go/bin .go/bin .npm-global/bin .deno/bin .bun/bin .volta/bin .pyenv/shims
  .pyenv/bin .rbenv/shims .rbenv/bin .asdf/shims .asdf/bin .dotnet .dotnet/tools .local/go/bin .local/share/mise/shims
  .krew/bin .juliaup/bin .poetry/bin .nix-profile/bin .linuxbrew/bin .yarn/bin .local/share/pnpm .ghcup/bin
  .rustup/toolchains/*/bin .nvm/versions/node/*/bin .sdkman/candidates/*/current/bin
  .local/share/fnm/node-versions/*/installation/bin"
places="/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin /usr/games /snap/bin /usr/local/go/bin
  /usr/local/cargo/bin /home/*/.linuxbrew/bin /run/current-system/sw/bin /nix/var/nix/profiles/default/bin /opt/*/bin
  /opt/* /opt/*/*/bin /usr/local/*/bin /usr/local/lib/*/bin /usr/lib/jvm/*/bin /usr/lib/llvm-*/bin /usr/lib/go-*/bin
  /usr/include /usr/local/include /usr/include/* /usr/lib/gcc/*/*/include /usr/lib/llvm-*/include /usr/include/c++/*
  /lib/*-linux-gnu* /usr/lib/*-linux-gnu* /usr/lib/*-linux-musl* /lib64 /usr/lib64 /lib /usr/lib /usr/local/lib
  /usr/local/lib64 /usr/local/lib/*-linux-gnu* /lib32 /usr/lib32 /usr/lib/gcc/*/* /usr/lib/llvm-*/lib /usr/share
  /usr/local/share"
profiles="/etc/profile /etc/bash.bashrc /etc/bashrc /etc/zsh/zshrc /etc/zsh/zprofile"
home_profiles=".profile .bash_profile .bash_login .bashrc .bash_aliases .zshenv .zprofile .zshrc .pam_environment
  .xsessionrc .config/fish/config.fish .config/environment .cargo/env"

# Of a profile: what it sets PATH and the places of tools to, what it reads, and the names of aliases and functions.
setting="([A-Z_]*(HOME|DIR|ROOT)|PATH)=[\"']?[~\$/][^;&|[:blank:]]*"
profile="s#^([^\#]*[[:blank:];&])?((export[[:blank:]]+)?$setting).*#\\2#p;t
  s#^[[:blank:]]*((fish_add_path|set -[a-z]+ PATH)[[:blank:]][^;&|=]*).*#\\1#p;t
  s#^([^\#]*[[:blank:];&])?(([.]|source)[[:blank:]]+[\"']?[~\$/][^;&|[:blank:]]*).*#\\2#p;t
  s#^[[:blank:]]*(alias[[:blank:]]+[A-Za-z0-9._+-]+)=.*#\\1=#p;t
  s#^[[:blank:]]*((function[[:blank:]]+)?[A-Za-z0-9._+-]+[[:blank:]]*[(][)]).*#\\1#p"

# searched PID ROOT: wherever the process or a person may find them.
searched() {
  home=$(paths "$1" HOME)
  homes="$home $(awk -F: -v user="$(stat -c %u "/proc/$1")" '$3 == user { print $6 }' "$2/etc/passwd")"
  for path in $profiles; do read_profile "$2" "$path" "$home"; done
  for path in /etc/profile.d /etc/ld.so.conf.d; do folder "$2" "$path"; done
  for name in $(ls "$2/etc/profile.d"); do read_profile "$2" "/etc/profile.d/$name" "$home"; done
  for name in ld.so.conf $(ls "$2/etc/ld.so.conf.d" | sed 's#^#ld.so.conf.d/#'); do
    file "$2" "/etc/$name" && for path in $(grep '^/' "$end"); do spread "$2" "${path%/}"; done
  done
  for path in $homes; do
    for name in $home_profiles; do read_profile "$2" "$path/$name" "$path"; done
  done
  for path in $(paths "$1" PATH); do folder "$2" "$path"; spread "$2" "${path%/}"; done
  for path in $places; do spread "$2" "$path"; done
  for path in $homes /root '/home/*'; do
    for name in $home_bins; do spread "$2" "${path%/}/$name"; done
  done
}

# read_profile ROOT FILE HOME: what passes the filter; and the `names` in the folders that it puts on a PATH.
read_profile() {
  file "$1" "$2" profile && [ -f "$end" ] || return
  for word in $(sed -nE "$profile" "$end" | tr -s "=:\"'" ' '); do
    case $word in '$HOME'/* | '${HOME}'/* | '~'/*) word=$3/${word#*/} ;; esac
    case $word in *\** | *\$*) ;; /*) spread "$1" "$word" ;; esac
  done
}

# spread ROOT PATTERN: the `names` in each folder that it stands for, and all names in the folders before a star.
spread() {
  case $2 in
    *\**)
      set -- "$1" "${2%%\**}" "$2"
      set -- "$1" "${2%/*}" "${3#"${2%/*}"/}"
      folder "$1" "$2"
      set -- "$1" "$2" "$end/" "${3%%/*}" "${3#"${3%%/*}"}"
      for found in $(expanded "$3" "$4"); do
        case $found in *\**) ;; *) spread "$1" "$2/${found##*/}$5" ;; esac
      done ;;
    *)
      case $2 in */lib | */lib[0-9]* | */*-linux-*) folder "$1" "$2" ;; esac
      for wanted_name in $names; do
        walk "$1" "$2/$wanted_name" && ask stat-L "$1$2/$wanted_name" "$end"
      done ;;
  esac
}
expanded() { set +f; IFS=''; printf '%s\n' "$1"$2; }
