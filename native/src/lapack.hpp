// LAPACK, where the machine has one: found when the first large matrix comes, never required.
#pragma once

namespace cambium {

/// From this size on a library's blocked algorithms outrun plain rotations.
constexpr long worthLapack = 48;

/// Eigenvalues w [n], rising, of the symmetric a [n, n], and eigenvectors in the rows of a. False: there is no LAPACK, and nothing has changed.
bool lapackEigen(double* a, long n, double* w);

/// Singular values s [k], falling, of a [m, n], and singular vectors in the rows of u [k, m] and v [k, n]; a is used up. False: as above.
bool lapackSingular(double* a, long m, long n, double* u, double* s, double* v);

} // namespace cambium
