#!/usr/bin/env bash
# Reads segment files with Apache Kafka's own DumpLogSegments, fetched once from Maven Central (needs Java 11 or later and
# mvn), and counts what it finds. A second opinion on what `bitacora verify` says.
#
#   scripts/kafka_dump.sh data/mqtt-0/*.log            one line a file: records, batches Kafka holds valid, complaints
#   scripts/kafka_dump.sh data/mqtt-0/*.index          index files against their log; complaints are printed
#   scripts/kafka_dump.sh --print data/mqtt-0/*.log    what DumpLogSegments prints, as it is
#
# The exit status is 0 if Kafka had no complaint. While a server runs, or after it was killed, the last segment of a
# partition may end in zeros, at which Kafka's tool stops with a complaint; a stop or the next roll cuts them off.
set -euo pipefail
version=3.9.0
jars="${XDG_CACHE_HOME:-$HOME/.cache}/bitacora/kafka-tools-$version"

print=no
if [ "${1:-}" = --print ]; then
  print=yes
  shift
fi
if [ $# -eq 0 ]; then
  sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2
  exit 2
fi
for program in java mvn; do
  command -v "$program" > /dev/null && continue
  echo "kafka_dump.sh: $program is missing; on Debian: apt-get install default-jre-headless maven" >&2
  exit 1
done

if [ ! -e "$jars/complete" ]; then
  mkdir -p "$jars"
  cat > "$jars/pom.xml" << POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>bitacora</groupId><artifactId>kafka-tools</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies><dependency>
    <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version>
  </dependency></dependencies>
</project>
POM
  mvn -q -f "$jars/pom.xml" dependency:copy-dependencies -DoutputDirectory="$jars/lib" > "$jars/mvn.log" 2>&1 || {
    cat "$jars/mvn.log" >&2
    exit 1
  }
  touch "$jars/complete"
fi

dump() { java -cp "$jars/lib/*" kafka.tools.DumpLogSegments --files "$@" 2>&1 | grep -v '^SLF4J'; }

status=0
for file in "$@"; do
  if [ "$print" = yes ]; then
    dump "$file" --deep-iteration --print-data-log || status=1
  elif [ "${file%.log}" = "$file" ]; then
    said="$(dump "$file" --verify-index-only | grep -v '^Dumping' || true)"
    echo "$file: ${said:-agrees with its log}"
    [ -z "$said" ] || status=1
  else
    dump "$file" --deep-iteration --print-data-log | awk -v file="$file" '
      /^\| offset: / { records++ }
      / isvalid: true/ { valid++ }
      / isvalid: false/ || /Exception/ || /invalid bytes/ { complaints++; last = $0 }
      END {
        printf "%s: %d records in %d valid batches, %d complaints%s\n", file, records, valid, complaints,
               complaints ? ": " last : ""
        exit complaints > 0
      }' || status=1
  fi
done
exit $status
