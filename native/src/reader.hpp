// An encoded program, word by word.
#pragma once
#include "program.hpp"
#include <cmath>

namespace cambium {

class Reader {
public:
  Reader(const int32_t* words, size_t wordCount, const double* numbers, size_t numberCount)
      : words(words), wordCount(wordCount), numbers(numbers), numberCount(numberCount) {}

  int word() {
    if (at >= wordCount) throw BadProgram("the encoded program ends too early");
    return words[at++];
  }
  /// A word that counts something that follows.
  int count() {
    int n = word();
    if (n < 0 || (size_t)n > wordCount) throw BadProgram("the encoded program has a bad count");
    return n;
  }
  bool flag() { return word() != 0; }
  double number() {
    if (numberAt >= numberCount) throw BadProgram("the encoded program ends too early");
    return numbers[numberAt++];
  }
  /// A whole number that may need more than 32 bits.
  long whole() {
    double x = number();
    if (!(std::abs(x) <= 9007199254740991.0) || x != std::floor(x)) throw BadProgram("a size is not a whole number");
    return (long)x;
  }
  long size() {
    long n = whole();
    if (n < 0) throw BadProgram("a size is negative");
    return n;
  }
  Dims wholes() {
    Dims list((size_t)count());
    for (long& x : list) x = whole();
    return list;
  }
  Dims sizes() {
    Dims list((size_t)count());
    for (long& x : list) x = size();
    return list;
  }
  std::string text() {
    std::string s((size_t)count(), ' ');
    for (char& c : s) c = (char)word();
    return s;
  }
  DType dtype() { return (DType)choice(dtypes, "dtype"); }
  int choice(int n, const char* what) {
    int i = word();
    if (i < 0 || i >= n) throw BadProgram(std::string(what) + " " + std::to_string(i) + " is not known to this addon");
    return i;
  }
  bool done() const { return at == wordCount && numberAt == numberCount; }

private:
  const int32_t* words;
  size_t wordCount;
  const double* numbers;
  size_t numberCount;
  size_t at = 0, numberAt = 0;
};

} // namespace cambium
