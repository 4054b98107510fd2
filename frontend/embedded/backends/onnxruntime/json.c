#include "json.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char *past_space(const char *at) { return at + strspn(at, " \t\r\n"); }

static const char *past_string(const char *at) {
    for (at++; *at != '"' && *at != '\0'; at++)
        if (*at == '\\' && at[1] != '\0') at++;
    return *at == '"' ? at + 1 : at;
}

static const char *past_value(const char *at) {
    int depth = 0;
    do {
        if (*at == '"') {
            at = past_string(at);
            continue;
        }
        if (*at == '{' || *at == '[') depth++;
        if (*at == '}' || *at == ']') depth--;
        at++;
        if (depth == 0) at += strcspn(at, ",]} \t\r\n");
    } while (depth > 0 && *at != '\0');
    return past_space(at);
}

const char *json_member(const char *object, const char *name) {
    if (object == NULL || *object != '{') return NULL;
    size_t length = strlen(name);
    for (const char *at = past_space(object + 1); *at == '"'; at = past_space(at + 1)) {
        const char *colon = past_space(past_string(at));
        if (*colon != ':') return NULL;
        const char *value = past_space(colon + 1);
        if (strncmp(at + 1, name, length) == 0 && at[1 + length] == '"') return value;
        at = past_value(value);
        if (*at != ',') return NULL;
    }
    return NULL;
}

const char *json_first(const char *array) {
    if (array == NULL || *array != '[') return NULL;
    const char *element = past_space(array + 1);
    return *element == ']' ? NULL : element;
}

const char *json_next(const char *element) {
    const char *comma = past_value(element);
    return *comma == ',' ? past_space(comma + 1) : NULL;
}

static char *put_utf8(char *to, unsigned code) {
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3F));
    } else {
        *to++ = (char)(0xE0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    }
    return to;
}

char *json_string(const char *value) {
    if (value == NULL || *value != '"') return NULL;
    char *text = malloc((size_t)(past_string(value) - value)), *to = text;
    if (text == NULL) return NULL;
    for (const char *at = value + 1; *at != '"' && *at != '\0'; at++) {
        if (*at != '\\' || at[1] == '\0') {
            *to++ = *at;
        } else if (*++at == 'u' && strlen(at) > 4) {
            to = put_utf8(to, (unsigned)strtoul((char[]){at[1], at[2], at[3], at[4], '\0'}, NULL, 16));
            at += 4;
        } else {
            const char *letter = strchr("b\bf\fn\nr\rt\t", *at);
            *to++ = letter == NULL ? *at : letter[1];
        }
    }
    *to = '\0';
    return text;
}

long json_integer(const char *value) { return value == NULL ? 0 : strtol(value, NULL, 10); }
