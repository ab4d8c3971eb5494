// Read by jemalloc before main: give memory back to the system soon after a flush, on a thread of
// its own.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:1000";
}
