# Copyright (c) 2026, the quorum.etcd authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sha256 of upstream's release archives, by version and architecture, newest first.

Private to this collection. Source: the ``SHA256SUMS`` that upstream publishes with each release, as recorded by the
kubespray project. A version that is not listed is verified by the ``SHA256SUMS`` beside its archive.
"""

from __future__ import annotations

import typing as t

CHECKSUMS: t.Dict[str, t.Dict[str, str]] = {
    "3.6.14": {
        "amd64": "ffe840ff9295808e88cce2794a18a5ac87f12a5203c8314d0bf6aa119b41bac5",
        "arm64": "fa1b80565ee6fc2df1ae6f57a508b221f3ecc7d591c317c581cd8281b0842b3e",
        "ppc64le": "1155c5eaff94906f138104f1df71d8c6c99e15ae24f50e5b7120bab25e5e2a1e",
    },
    "3.6.13": {
        "amd64": "b4928654aed84d90952620c7144555e4186d795e1e7414e65fe0cf6265fd0465",
        "arm64": "5ab53ff70301fa9d782fa4b59fdfc1fae49ffdf427a0afb3cd313a93449800fc",
        "ppc64le": "9ce0405b83fa4c2fb92727ab6b46f011078057b28b3381c8ec6f42697eed33bd",
    },
    "3.6.12": {
        "amd64": "d2564bb50b58e52fbaf3bde4a9561a1d04e20cdc761f795580e4d615d5d41355",
        "arm64": "147afc710e164fa342ad8561bcca8903f3913bd9fb9ae0c83c857b1d868189cc",
        "ppc64le": "2888e1a443dfe2294b463fb1e735c0e57de9dc6cd02397ce1596ddf3ba78242d",
    },
    "3.6.11": {
        "amd64": "8756f7a4eaf921668a83de0bf13c0f65cae9186a165696e3ae8396afe6f557ed",
        "arm64": "5302f1a6157c34eb0568c75fba9d06da98353576df04399f08645bef634acd2d",
        "ppc64le": "4031a332e71c263ed054a9149761d77dfd57f1bcc301b2aa0e2b1b6079af7095",
    },
    "3.6.10": {
        "amd64": "ed579fafab5701e3aaa95509969e7bc74776a4ae5269d32e3928408b406456ec",
        "arm64": "e40dc34b7a512b99c651f7700c1014e9b76e02415e2e24365b248966b173524c",
        "ppc64le": "2892716d2826deed1ea392c91651ebabe1da35c5e71964d842fdcd424adb71c1",
    },
    "3.6.9": {
        "amd64": "633136f13fcadac52e5c0ddcb97912643af6fcb9cb362e75774d0f96f7666396",
        "arm64": "b51e433724325b66770019c4819d091b8965d2e81c07571a46e0619da1c8ece6",
        "ppc64le": "bd21e07aa8f19308c96986bf9457f779ba8103a3204066bb89c8c3fb7a1e47dc",
    },
    "3.6.8": {
        "amd64": "cf9cfe91a4856cb90eed9c99e6aee4b708db2c7888b88a6f116281f04b0ea693",
        "arm64": "438f56a700d17ce761510a3e63e6fa5c1d587b2dd4d7a22c179c09a649366760",
        "ppc64le": "3b9bb486b0eb8d79b30410749ec26e174db075956c9ecb533b313b9263e7ba78",
    },
    "3.6.7": {
        "amd64": "cf8af880c5a01ee5363cefa14a3e0cb7e5308dcf4ed17a6973099c9a7aee5a9a",
        "arm64": "ef5fc443cf7cc5b82738f3c28363704896551900af90a6d622cae740b5644270",
        "ppc64le": "de3b1ed50fc8868cdd56b12b0cd81d6740bf53edbca570400a78e530e4829b7b",
    },
    "3.6.6": {
        "amd64": "887afaa4a99f22d802ccdfbe65730a5e79aa5c9ce2c8799c67e9d804c50ecedb",
        "arm64": "8a15f5427c111ff4692753682374970fb68878401d946c2c28bdad6857db652f",
        "ppc64le": "e4f528b63a731e9b96f5d10f55ce096223fb4e1bc1778aa2535a3d47e9a129e5",
    },
    "3.6.5": {
        "amd64": "66bad39ed920f6fc15fd74adcb8bfd38ba9a6412f8c7852d09eb11670e88cac3",
        "arm64": "7010161787077b07de29b15b76825ceacbbcedcb77fe2e6832f509be102cab6b",
        "ppc64le": "3cf99879c7c5b8678a0ec2edf9102b268ea934584db2850f049d89ed8e36b61c",
    },
    "3.6.4": {
        "amd64": "4d5f3101daa534e45ccaf3eec8d21c19b7222db377bcfd5e5a9144155238c105",
        "arm64": "323421fa279f4f3d7da4c7f2dfa17d9e49529cb2b4cdf40899a7416bccdde42d",
        "ppc64le": "2910fc73e42e1eeb9cc7da8080b821c7649558465e0e6122e49afce832e4b9da",
    },
    "3.6.3": {
        "amd64": "3f3b4aa9785d86322c50b296eebdc7a0a57b27065190154b5858bf6a7512ac10",
        "arm64": "4b39989093699da7502d1cdd649c412055a2bddd26b3d80ed87d0db31957075c",
        "ppc64le": "de8ee412ee2669483fd9c730e915c5bd4fe113ba33be4a70305d13ff35e1f919",
    },
    "3.6.2": {
        "amd64": "4b5d55d61e2218fab7c1cc1c00b341c469159ecde8cedd575fa858683f67e9f4",
        "arm64": "79d0a2488967aa07ecfde79158b1dab458158522f834810c2827eecac4695a31",
        "ppc64le": "bf79b9d4c7e9f86e611e73de9fe54a195bc0ad54aeb17200b1c8bda3c4119705",
    },
    "3.6.1": {
        "amd64": "1324664bfe56d178d1362a57462ca5a7b26a6d2cbe9e1c94b6820e32cb82d673",
        "arm64": "5f8ed6e314df44128c218decbf0d146cf882583d05c6f6d9023ce905d232aaec",
        "ppc64le": "bb87fcd0ea4b9fabf502703512c416ca1d9f4082679cb7f6dbc34bed3dfc13f6",
    },
    "3.6.0": {
        "amd64": "42305b0dcbba7b6fdff0382d0c7b99c42026c88c44847a619ab58cde216725d9",
        "arm64": "81477b120ef66ff338fe7de63d894e5feec17e6e1f1d98507676832e089d9b58",
        "ppc64le": "1180d06e3a3787ab65078d9a488f778a4712c59cc82d614abde80c5d06efe38f",
    },
    "3.5.33": {
        "amd64": "5025b5b24d81a9616b6e284ccd439b9a3df055ef8fdcdc142af3ec8f6a3b3c95",
        "arm64": "0764c5c0acef155f4bfa0487791cc5776adef66315bf16ec0653883bfd463a90",
        "ppc64le": "5cb42e4533380e26c89497d898e016e8604a5f1a48bc2fb1d947194abf63842b",
    },
    "3.5.32": {
        "amd64": "83532f9290ee89106c4c9d0467220f65623c1faadaab800d727f7beccce4d7dd",
        "arm64": "89f3ec49bc026c77ab5862c34f0623f09b48ec75e659082c92829669c6e36b3c",
        "ppc64le": "fdf4f4878c23f16982cf38e5d9994f30808807613105c5fed1b1a70da089b076",
    },
    "3.5.31": {
        "amd64": "e76b75c73b10196dfeb1c52fcdf9f4014e51f3082f65f28fb2e69a7bec1f916b",
        "arm64": "1fc441acb75486c076db0900470b18da61ee529a5d54df7c619dfc12dd13b984",
        "ppc64le": "adf8f35410b6e95ad988cb31c61dcac37363dc2fe1beaa7bb7f9cba3a4dec67f",
    },
    "3.5.30": {
        "amd64": "a495115162845640be08c6cda069ff961260dbced53207c5a83b1b006ff2ea8e",
        "arm64": "4d19473d2567a58e1dbf556e0813b91d506666e58d23bfd5370660c67639eb5e",
        "ppc64le": "5f5412fb68aa87df05c5c6e75ffca458ee43e00f23ae43122e81201eaf0187fc",
    },
    "3.5.29": {
        "amd64": "7692f812db0bfeee3a731c45046864cf729e552bad82ce7cb5b507053d033267",
        "arm64": "10817d916de91fdab373947977682e083f0a1ac7f37650c1b690c2a746e4c269",
        "ppc64le": "3c198d0a0a5e76c0828568c34c1b8811c29830ca62c64043e18474b2625ecadb",
    },
    "3.5.28": {
        "amd64": "e11b6fab2ffbf0a1d6ee8f6227594045a19e0974ec779c42b8b5bb1942b2abe0",
        "arm64": "779a741604d2ff45240b277812f6c300bca71754adfd8de1436a3f2df3a18e67",
        "ppc64le": "f928b7f0e615d8125640c0840121ad0001d0736531fd0b95ad24514a8ce0ba3b",
    },
    "3.5.27": {
        "amd64": "0aad9a9e4e0817a021e933f9806a2b2960a62f949ad5a3d6436d8886945cb1bc",
        "arm64": "1277309f540c5a0329c428f95455c9f76d24f768c8d28fd2753e891c379053fa",
        "ppc64le": "b41d488dcd579e780f49f5bd747e9386e17e1376ffb77bfff061f7944818a678",
    },
    "3.5.26": {
        "amd64": "0a682a91201dc8351d507210bc30b021a11e254eab806f03224b51e8fad29abb",
        "arm64": "93ac1667df0e178ea6d152476ce4088df4075604fe4bc7f85f4719e863cd030b",
        "ppc64le": "9678ddaced9fcd4878b76b0b76c9c2a3638a70bdc362c9f4cb25ecc48de2c6d3",
    },
    "3.5.25": {
        "amd64": "168af82b59772e1811a9af7b358d42f5c6df44e0d9767afb006ecf12c4bbd607",
        "arm64": "419dce0b679df31cc45201ef2449b7a6a48e9d241af01741957c9ac86a35badc",
        "ppc64le": "0dee64e99a43a06dd9541a40a18b52c7309eb1682a2a32740d4bdf358296c007",
    },
    "3.5.24": {
        "amd64": "042497e2ddcee06f22e5d486d81f58affa26b53ee423e2a6aaca3d3ea98c8191",
        "arm64": "efc01f6b3fbef0f000cb53bcad4845c116d7fdd8769ca39d9c40d2fe4d2e509f",
        "ppc64le": "4b252266a59a00c0f608f481c836fb469d2cd0f60ecbc119c4f1fe0611910ab1",
    },
    "3.5.23": {
        "amd64": "8b50d62d38cb2de005b42227dd14b33f6e01758970f248f9257789ecfaf634c9",
        "arm64": "d95118595a9556a29775f99c1ef2ee16f6be113df76b7178643a2bfd6a6f37c3",
        "ppc64le": "9b9caa29715f387633c6f3639efd3b85284665f7e8632551c904c9859edbb7a8",
    },
    "3.5.22": {
        "amd64": "20174ab70a6f3df94da13ecac4610f42c47d25af82426f21c112c2c841ec499a",
        "arm64": "22aca5a253c4a9f2850300b0a1dd209587586ff0e985f5cb1c34e9e5edc07848",
        "ppc64le": "4dbe98bf5fd82a0f9295bd7ab47429381ab0a80f1e83861c50b01452fa515353",
    },
    "3.5.21": {
        "amd64": "adddda4b06718e68671ffabff2f8cee48488ba61ad82900e639d108f2148501c",
        "arm64": "95bf6918623a097c0385b96f139d90248614485e781ec9bee4768dbb6c79c53f",
        "ppc64le": "6fb6ecb3d1b331eb177dc610a8efad3aceb1f836d6aeb439ba0bfac5d5c2a38c",
    },
    "3.5.20": {
        "amd64": "9ac85616fb8c0e45f485074dde0258ca2b7b42f1dd5320821af5a8b66daf7072",
        "arm64": "f034232e6fb64b0d89c45fd78b8b4c3e9fb8d69605dddddcdebf5d7cd96a1531",
        "ppc64le": "563bdac64fc92442cf366c02294dff1cbbd3885a86dbcf7f2e87d9388c3b3223",
    },
    "3.5.19": {
        "amd64": "16ae742def5f330800590e8d505d72830a3b0b7012e559e6bd76f0bc9864bf42",
        "arm64": "a786fd2c92c3c0404586ffedf1b318e4944a17aefed1fa6566f5712ddb8359ad",
        "ppc64le": "cc8651929f4d5794892eeeabf612a243ea6233125bc5f8b0f711118736e2710f",
    },
    "3.5.18": {
        "amd64": "6ddde039a7a506badf34e7edfb38e1ea90e36f05c8cfceba602045df623d86fa",
        "arm64": "c2bcaf465537d6d47c8bb82a69e31f786f32257050e3bca445bc4e63479ec714",
        "ppc64le": "ad90260978a9a94572c8aedfa3c4ab225a451e84ab01a1df35e4124863672999",
    },
    "3.5.17": {
        "amd64": "eff6ac621d41711085d0f38fab17d8fa3705f6326c3ff11301a1f5a71fc94edd",
        "arm64": "7d717a62520bf39fa1115dfbb1df79479ff74b5eda0914f4132bfa60a48b9549",
        "ppc64le": "5c737b586a1ebcc12bf0d68a2b56583764f4aba82ab4934629626da93d4a9ecc",
    },
    "3.5.16": {
        "amd64": "b414b27a5ad05f7cb01395c447c85d3227e3fb1c176e51757a283b817f645ccc",
        "arm64": "8e68c55e6d72b791a9e98591c755af36f6f55aa9eca63767822cd8a3817fdb23",
        "ppc64le": "33322806f4a2aa3d4947a4d42ec6a120296535e7f00e2f9d74e515e9386333e0",
    },
    "3.5.15": {
        "amd64": "3f6b48d8c2844699f2b19c1880508ecf63e1489769ed37ebb97495d5cd848a89",
        "arm64": "5aa28b435edb1f22bf6455f754e16a13e3e4eb1ad8fc7c22ad47aa8e722febf2",
        "ppc64le": "6512f7308a0d0af7c9bb46bca1c4f4e816304304d838d1045ae21d9772c5490e",
    },
    "3.5.14": {
        "amd64": "b0b34298f53f6830f08e7ddc57fc74dc45563216a66e94d9e6b0b9e0b0281b34",
        "arm64": "90510c79c4aae3c3313691f5770fc53b3ac883338fc0254bf8d22460acd3c19d",
        "ppc64le": "01681d4d33bba5130c9cffca42c35b0f68e0d991b0b4ee65dab6fd36568d4fee",
    },
    "3.5.13": {
        "amd64": "31e6fcbee0e8c3df27cf1ba69b522e338377f5ed6447f5d05700aee367f3b7e7",
        "arm64": "2854993bf622764ccdeb7a146fae2965cb0fcba93c5c8f391e0d5f153c8a7a02",
        "ppc64le": "f372b524e2c118dbb0dbe1097474a072fc93bc30da65efa92999137303bcd9a7",
    },
    "3.5.12": {
        "amd64": "f2ff0cb43ce119f55a85012255609b61c64263baea83aa7c8e6846c0938adca5",
        "arm64": "31f30c01918771ece28d6e553e0f33be9483ced989896ecf6bbe1edb07786141",
        "ppc64le": "ebd8060508d572678d8d1e4f90f87863e3a6cfcba856ceca32379b03251c0597",
    },
    "3.5.11": {
        "amd64": "e256885e753dc99001335e099d3c2eb8cf21a865a087ee4d7e3665752ae5929a",
        "arm64": "6edf0cddc8fa2d7674129abe2e44d5a37cc3a6e3b500c13c6cbc2ed2ecf08bf4",
        "ppc64le": "a2e70b291811fa8ccc34cc7d297bf7d31e3af790bc31e54cad034a49e9db2eb7",
    },
    "3.5.10": {
        "amd64": "26e90d024fa2310bc52bb40e7f2132e81640b55f8fc446c00ae07e30af2a44fd",
        "arm64": "ff74a6018d9b2a1320bff30e5a11b4f2f5c2a3d147df8a8bad53c01b9f800ee1",
        "ppc64le": "10cd8e4ecf6718b9712bf2edfac2e4924d7f21dbe58d368e6e10578c85bd8c01",
    },
    "3.5.9": {
        "amd64": "d59017044eb776597eca480432081c5bb26f318ad292967029af1f62b588b042",
        "arm64": "bb201c106a61bbab59e2d9f37f4bdff99d50201f513c66b4578741eab581fb28",
        "ppc64le": "551539ebb344ebdc77f170ea51512a6cda35877ffdcbd8b3316b2495a8b2bd87",
    },
    "3.5.8": {
        "amd64": "d4c1b8d90ad53658f12ffc293afc5694b7bc6cb093af609188649a799e1cc8dc",
        "arm64": "3f4441b293a2d0d4d2f8b2cd9504376e15818f7b865ef4b436e8e6f865f895ff",
        "ppc64le": "20e28302c1424b1a3daf7d817f2662e4c64e395a82765d1696cb53cb6bc37a4e",
    },
    "3.5.7": {
        "amd64": "a43119af79c592a874e8f59c4f23832297849d0c479338f9df36e196b86bc396",
        "arm64": "1a35314900da7db006b198dd917e923459b462128101736c63a3cda57ecdbf51",
        "ppc64le": "e861aa6acd4d326ec01bfa06fffb80d33f3f8c26e0eb8b73e4424578d149bd04",
    },
    "3.5.6": {
        "amd64": "4db32e3bc06dd0999e2171f76a87c1cffed8369475ec7aa7abee9023635670fb",
        "arm64": "888e25c9c94702ac1254c7655709b44bb3711ebaabd3cb05439f3dd1f2b51a87",
        "ppc64le": "e235cb885996b8aac133975e0077eaf0a2f8dc7062ad052fa7395668a365906b",
    },
}

__all__ = ("CHECKSUMS",)
