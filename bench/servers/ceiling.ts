// The most that Fastify can do with the same token check: a fixed answer of 600 bytes, and no database.
import fastifyJwt from '@fastify/jwt'
import Fastify from 'fastify'

const { PORT, JWT_PUBLIC_KEY = '' } = process.env
const app = Fastify()
await app.register(fastifyJwt, {
  secret: { public: JWT_PUBLIC_KEY },
  verify: {
    algorithms: ['RS256'],
    allowedIss: 'http://localhost:8080',
    allowedAud: 'interaction-api',
    cache: true,
  },
})
const answer = `{"id":"${'x'.repeat(591)}"}`
app.get('/rtc-api/interactions/:id', async (request, reply) => {
  await request.jwtVerify()
  return reply.header('content-type', 'application/json').send(answer)
})
await app.listen({ host: '127.0.0.1', port: Number(PORT) })
