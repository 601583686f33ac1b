// Makes the message types of weft-control's xDS resources known to the generated pool: they are met only inside of Any,
// and the linker leaves out what nothing names. Any thread.
#ifndef WEFT_CONTROL_CLI_XDS_TYPES_H_
#define WEFT_CONTROL_CLI_XDS_TYPES_H_

namespace weft::cli {

void LinkXdsTypes();

}  // namespace weft::cli

#endif  // WEFT_CONTROL_CLI_XDS_TYPES_H_
