/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Toeplitz by byte shuffles: a register holds one byte of 32 packets' inputs, and a table of 16
 * entries says what a nibble of it adds to one byte of the hash. Compiled for AVX2.
 */
#include "net/vnet_hash.h"

#include <immintrin.h>

/* Words of four packets each -> in each half, the bytes 0 of 2 packets, then the bytes 1, ... */
static inline __m256i
pair_bytes(__m256i v)
{
	const __m256i order = _mm256_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15,
		0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);

	return _mm256_shuffle_epi8(v, order);
}

/*
 * 32 words -> 8 registers, each with the same byte of all. Packets stand in the order that
 * unpacking leaves: v[j] gives its low half packets 4j, 4j + 1, its high half 4j + 2, 4j + 3.
 */
static inline void
columns(const uint64_t *words, __m256i column[8])
{
	__m256i a[8], b[8];

	for (int j = 0; j < 8; j++)
		a[j] = pair_bytes(_mm256_load_si256((const __m256i *)(const void *)&words[4 * j]));
	/* Pairs of bytes (16 bits) of two registers, then fours, then eights. */
	for (int j = 0; j < 4; j++) {
		b[2 * j] = _mm256_unpacklo_epi16(a[2 * j], a[2 * j + 1]);
		b[2 * j + 1] = _mm256_unpackhi_epi16(a[2 * j], a[2 * j + 1]);
	}
	for (int j = 0; j < 2; j++) {
		a[4 * j] = _mm256_unpacklo_epi32(b[4 * j], b[4 * j + 2]);
		a[4 * j + 1] = _mm256_unpackhi_epi32(b[4 * j], b[4 * j + 2]);
		a[4 * j + 2] = _mm256_unpacklo_epi32(b[4 * j + 1], b[4 * j + 3]);
		a[4 * j + 3] = _mm256_unpackhi_epi32(b[4 * j + 1], b[4 * j + 3]);
	}
	for (int j = 0; j < 4; j++) {
		column[2 * j] = _mm256_unpacklo_epi64(a[j], a[j + 4]);
		column[2 * j + 1] = _mm256_unpackhi_epi64(a[j], a[j + 4]);
	}
}

static inline __m256i
table(const uint8_t *t)
{
	return _mm256_broadcastsi128_si256(_mm_load_si128((const __m128i *)(const void *)t));
}

/* Bytes 0..3 of the hashes, in the order of columns() -> values in the order of packets. */
static inline void
store(const __m256i sum[4], uint32_t *values)
{
	__m256i low = _mm256_unpacklo_epi8(sum[0], sum[1]);
	__m256i high = _mm256_unpackhi_epi8(sum[0], sum[1]);
	__m256i low2 = _mm256_unpacklo_epi8(sum[2], sum[3]);
	__m256i high2 = _mm256_unpackhi_epi8(sum[2], sum[3]);
	const __m256i out[4] = {_mm256_unpacklo_epi16(low, low2), _mm256_unpackhi_epi16(low, low2),
		_mm256_unpacklo_epi16(high, high2), _mm256_unpackhi_epi16(high, high2)};

	/* A half of out[j] has two packets of v[2j], then two of v[2j + 1]; see columns(). */
	for (int j = 0; j < 4; j++) {
		__m256i ordered = _mm256_permute4x64_epi64(out[j], _MM_SHUFFLE(3, 1, 2, 0));

		_mm256_storeu_si256((__m256i *)(void *)&values[8 * j], ordered);
	}
}

void
vnet_hash_avx2(const struct vnet_hash_key *key, const struct vnet_hash_burst *b, uint32_t *values,
	uint32_t n)
{
	const __m256i nibble = _mm256_set1_epi8(0xf);
	__m256i sum[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
		_mm256_setzero_si256()};

	(void)n;
	for (uint32_t w = 0; w < b->nb_words; w++) {
		__m256i column[8];
		/* The last word of an input has ports only. */
		uint32_t bytes = w == 4 || (w == 1 && b->nb_words == 2) ? 4 : 8;

		columns(b->words[w], column);
		for (uint32_t i = 0; i < bytes; i++) {
			__m256i low = _mm256_and_si256(column[i], nibble);
			__m256i high = _mm256_and_si256(_mm256_srli_epi16(column[i], 4), nibble);

			for (uint32_t k = 0; k < 4; k++) {
				const uint8_t(*t)[16] = key->shuffles[8 * w + i][k];
				__m256i x = _mm256_shuffle_epi8(table(t[0]), low);
				__m256i y = _mm256_shuffle_epi8(table(t[1]), high);

				sum[k] = _mm256_xor_si256(sum[k], _mm256_xor_si256(x, y));
			}
		}
	}
	store(sum, values);
}
