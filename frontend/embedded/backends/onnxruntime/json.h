// Finds values in JSON that is well formed, as Triton's own is. A value is a pointer to its first character; what is
// not there is NULL, and nothing is found in NULL.
#pragma once

const char *json_member(const char *object, const char *name);
const char *json_first(const char *array);
const char *json_next(const char *element);

// A copy of a string without its escapes, to be freed; NULL if the value is no string.
char *json_string(const char *value);

// 0 if the value is no whole number.
long json_integer(const char *value);
