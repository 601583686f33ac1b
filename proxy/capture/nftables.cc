#include "proxy/capture/nftables.h"

#include <dlfcn.h>
#include <nftables/libnftables.h>

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace weft::capture {
namespace {

constexpr char kLibrary[] = "libnftables.so.1";

// The entries that we use, found by name; the library stays loaded till the command ends.
class Library {
 public:
  static absl::StatusOr<Library> Load() {
    void* handle = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      return absl::FailedPreconditionError(
          absl::StrCat("cannot load ", kLibrary, " (Debian package libnftables1): ", dlerror()));
    }
    Library library;
    if (!library.new_.Find(handle, "nft_ctx_new") || !library.free_.Find(handle, "nft_ctx_free") ||
        !library.buffer_error_.Find(handle, "nft_ctx_buffer_error") ||
        !library.error_.Find(handle, "nft_ctx_get_error_buffer") ||
        !library.buffer_output_.Find(handle, "nft_ctx_buffer_output") ||
        !library.output_.Find(handle, "nft_ctx_get_output_buffer") ||
        !library.run_.Find(handle, "nft_run_cmd_from_buffer")) {
      return absl::FailedPreconditionError(absl::StrCat(kLibrary, " is not the one of nftables 1.0: ", dlerror()));
    }
    return library;
  }

  // The library's own words, or nothing when all went well. `printed` gets what the commands print; null: nobody cares.
  std::string Run(const std::string& commands, std::string* printed = nullptr) const {
    const std::unique_ptr<nft_ctx, decltype(&nft_ctx_free)> context(new_.call(NFT_CTX_DEFAULT), free_.call);
    if (context == nullptr) return "out of memory";
    buffer_error_.call(context.get());
    buffer_output_.call(context.get());
    if (run_.call(context.get(), commands.c_str()) == 0) {
      if (printed != nullptr) *printed = output_.call(context.get());
      return "";
    }
    const std::string error = error_.call(context.get());
    return error.empty() ? "unknown error" : error;
  }

 private:
  template <class Function>
  struct Entry {
    Function* call = nullptr;
    bool Find(void* handle, const char* name) {
      call = reinterpret_cast<Function*>(dlsym(handle, name));
      return call != nullptr;
    }
  };
  Entry<decltype(nft_ctx_new)> new_;
  Entry<decltype(nft_ctx_free)> free_;
  Entry<decltype(nft_ctx_buffer_error)> buffer_error_;
  Entry<decltype(nft_ctx_get_error_buffer)> error_;
  Entry<decltype(nft_ctx_buffer_output)> buffer_output_;
  Entry<decltype(nft_ctx_get_output_buffer)> output_;
  Entry<decltype(nft_run_cmd_from_buffer)> run_;
};

absl::Status Explain(const std::string& error) {
  const absl::string_view words = absl::StripAsciiWhitespace(error);
  if (absl::StrContains(error, "Operation not permitted") || absl::StrContains(error, "must be root")) {
    return absl::PermissionDeniedError(absl::StrCat(
        "writing nftables rules needs CAP_NET_ADMIN in this network namespace (in Kubernetes: "
        "securityContext.capabilities.add [NET_ADMIN] of the init container; in Docker: --cap-add=NET_ADMIN). "
        "The kernel said: ",
        words));
  }
  if (absl::StrContains(error, "not supported") || absl::StrContains(error, "No such file or directory")) {
    return absl::FailedPreconditionError(
        absl::StrCat("this kernel lacks what capture needs: nf_tables with nat, redir and fib (modules nft_chain_nat, "
                     "nft_redir, nft_fib_inet), and IPv6 nat unless --ipv4-only is given. The kernel said: ",
                     words));
  }
  return absl::InternalError(absl::StrCat("nftables refused the rules: ", words));
}

}  // namespace

absl::Status RunNftables(const std::string& commands) {
  absl::StatusOr<Library> library = Library::Load();
  if (!library.ok()) return library.status();
  const std::string error = library->Run(commands);
  return error.empty() ? absl::OkStatus() : Explain(error);
}

absl::StatusOr<std::string> ListTable(const std::string& family, const std::string& name) {
  absl::StatusOr<Library> library = Library::Load();
  if (!library.ok()) return library.status();
  std::string text;
  const std::string error = library->Run(absl::StrCat("list table ", family, " ", name, "\n"), &text);
  if (error.empty()) return text;
  // Of a list it can only mean the table: nothing else is named in it.
  if (absl::StrContains(error, "No such file or directory")) return std::string();
  return Explain(error);
}

}  // namespace weft::capture
