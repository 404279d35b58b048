/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Toeplitz by bit matrices: eight bytes of eight packets are turned into eight words of one byte
 * of each packet, and each word is multiplied by the matrix of its place. Compiled for AVX-512 with
 * VBMI and GFNI.
 */
#include "net/vnet_hash.h"

#include <immintrin.h>

/* Sum of the eight words of a register. */
static inline uint64_t
fold(__m512i v)
{
	__m256i a = _mm256_xor_si256(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
	__m128i c = _mm_xor_si128(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));

	return (uint64_t)_mm_cvtsi128_si64(_mm_xor_si128(c, _mm_unpackhi_epi64(c, c)));
}

/* Bytes 0..3 of eight hashes, a word of each -> eight values. */
static inline __m256i
interleave(const uint64_t part[4])
{
	const __m256i order = _mm256_setr_epi8(0, 8, 16, 24, 1, 9, 17, 25, 2, 10, 18, 26, 3, 11, 19,
		27, 4, 12, 20, 28, 5, 13, 21, 29, 6, 14, 22, 30, 7, 15, 23, 31);

	return _mm256_permutexvar_epi8(
		order, _mm256_loadu_si256((const __m256i *)(const void *)part));
}

void
vnet_hash_gfni(const struct vnet_hash_key *key, const struct vnet_hash_burst *b, uint32_t *values,
	uint32_t n)
{
	static const uint8_t transposed[64] __attribute__((aligned(64))) = {0, 8, 16, 24, 32, 40,
		48, 56, 1, 9, 17, 25, 33, 41, 49, 57, 2, 10, 18, 26, 34, 42, 50, 58, 3, 11, 19, 27,
		35, 43, 51, 59, 4, 12, 20, 28, 36, 44, 52, 60, 5, 13, 21, 29, 37, 45, 53, 61, 6, 14,
		22, 30, 38, 46, 54, 62, 7, 15, 23, 31, 39, 47, 55, 63};
	const __m512i order = _mm512_load_si512(transposed);

	for (uint32_t i = 0; i < n; i += 8) {
		__m512i sum[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(),
			_mm512_setzero_si512(), _mm512_setzero_si512()};
		uint64_t part[4];

		for (uint32_t w = 0; w < b->nb_words; w++) {
			__m512i x =
				_mm512_permutexvar_epi8(order, _mm512_load_si512(&b->words[w][i]));

			for (uint32_t k = 0; k < 4; k++)
				sum[k] = _mm512_xor_si512(
					sum[k], _mm512_gf2p8affine_epi64_epi8(x,
							_mm512_load_si512(key->matrices[w][k]), 0));
		}
		for (uint32_t k = 0; k < 4; k++)
			part[k] = fold(sum[k]);
		_mm256_storeu_si256((__m256i *)(void *)&values[i], interleave(part));
	}
}
