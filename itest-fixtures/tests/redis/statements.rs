//! The commands of the generated histories. In a history, many of them fail, and that is allowed.

/// Which part of the server a command changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The database of the connection.
    Database,
    /// The whole server.
    Server,
}

/// The commands that a new server refuses, because they follow others, or because refused commands leave traces as well.
#[allow(dead_code, reason = "only the tests of the cleaning compare them with a server")]
pub(crate) const REFUSED_ALONE: [&str; 9] = [
    "XREADGROUP GROUP group consumer BLOCK 0 STREAMS stream:$n >",
    "RENAME text:$n text:1",
    "EXEC",
    "NO-SUCH-COMMAND",
    "AUTH ann secret",
    "AUTH ann wrong",
    "DEBUG SLEEP 0",
    "MODULE LOAD /no/such/module",
    "SLOWLOG HELP",
];

/// The words of a command. `·` is a space inside of a word.
pub(crate) fn words(statement: &str) -> Vec<String> {
    statement.split(' ').map(|word| word.replace('·', " ")).collect()
}

pub(crate) const STATEMENTS: &[(Reach, &[&str])] = &[(Reach::Database, DATABASE), (Reach::Server, SERVER)];

const DATABASE: &[&str] = &[
    "SET text:$n value",
    "SET text:$n value EX 100",
    "SET text:$n value PX 1",
    "APPEND text:$n more",
    "INCR number:$n",
    "HSET hash:$n field value",
    "LPUSH list:$n a b c",
    "BLPOP list:$n 0",
    "BRPOPLPUSH list:$n list:1 0",
    "SADD set:$n a b",
    "ZADD zset:$n 1 a 2 b",
    "XADD stream:$n * field value",
    "XGROUP CREATE stream:$n group $ MKSTREAM",
    "XREADGROUP GROUP group consumer BLOCK 0 STREAMS stream:$n >",
    "PFADD log:$n a",
    "GEOADD geo:$n 13 52 Berlin",
    "SETBIT bits:$n 7 1",
    "DEL text:$n",
    "RENAME text:$n text:1",
    "EXPIRE text:$n 100",
    "WATCH text:$n",
    "MULTI",
    "EXEC",
    "FLUSHDB",
    "CLIENT SETNAME mine",
    "CLIENT TRACKING ON",
    "CLIENT REPLY OFF",
    "SUBSCRIBE channel:$n",
    "PSUBSCRIBE channel:*",
    "SSUBSCRIBE channel:$n",
    "HELLO 3",
    "NO-SUCH-COMMAND",
];

const SERVER: &[&str] = &[
    "SELECT $n",
    // The connection is in database 0 afterwards.
    "RESET",
    "SWAPDB 0 $n",
    "MOVE text:$n $n",
    "COPY text:$n copy DB $n",
    "FLUSHALL",
    "FLUSHALL ASYNC",
    "EVAL return(redis.call('SET','text:$n','value')) 0",
    "SCRIPT LOAD return($n)",
    "FUNCTION FLUSH",
    "FUNCTION LOAD #!lua·name=itest\nredis.register_function('f',function(keys,args)return(1)end)",
    "CONFIG SET maxmemory $n000000",
    "CONFIG SET maxmemory 1",
    "CONFIG SET maxmemory-policy allkeys-lru",
    "CONFIG SET notify-keyspace-events KEA",
    "CONFIG SET timeout $n",
    "CONFIG SET slowlog-log-slower-than 0",
    "CONFIG SET latency-monitor-threshold 1",
    "CONFIG SET maxclients 20",
    "CONFIG SET requirepass secret$n",
    "CONFIG SET save 900·$n",
    "CONFIG SET appendonly yes",
    "CONFIG SET hz 5$n",
    "CONFIG SET port 0",
    "CONFIG RESETSTAT",
    "CONFIG REWRITE",
    "ACL SETUSER ann on >secret +@all ~*",
    "ACL SETUSER default off",
    "ACL SETUSER default -@dangerous",
    "ACL DELUSER ann",
    "AUTH ann secret",
    "AUTH ann wrong",
    "CLIENT PAUSE 100000 WRITE",
    "CLIENT PAUSE 100000 ALL",
    "CLIENT UNPAUSE",
    "CLIENT KILL TYPE normal",
    "CLIENT NO-EVICT ON",
    "MONITOR",
    "REPLICAOF 127.0.0.1 1",
    "REPLICAOF NO ONE",
    "REPLCONF listening-port 1",
    "PSYNC ? -1",
    "SAVE",
    "BGSAVE",
    "SLOWLOG RESET",
    "SLOWLOG HELP",
    "DEBUG SLEEP 0",
    "MODULE LOAD /no/such/module",
    "PUBLISH channel:$n message",
    "LATENCY RESET",
    "OBJECT FREQ text:$n",
];
