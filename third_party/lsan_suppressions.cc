// What LeakSanitizer finds inside Debian's gRPC: its resolver leaves what c-ares gave it, some bytes per lookup.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libcares.so\n"; }
